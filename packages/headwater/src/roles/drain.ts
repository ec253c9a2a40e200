// How a node leaves without anyone noticing: nobody new comes in, publishers that can are asked to move, the rest get
// the time they need, and only then, one after the other, are they sent away.
import type { Clock, Logger } from '@headwater/contracts';
import type { Edge } from '@headwater/edge';
import type { Origin } from '@headwater/origin';

/** What a drain moves. */
export interface DrainParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  /** Tells the cluster at once. */
  readonly announce: () => Promise<void>;
}

const lookEachMs = 100;
// Publishers without the ability to be asked are sent away one by one, so that the others do not get all at once.
const staggerMs = 50;

/** Drains a node once; later calls join the first. */
export class Drain {
  readonly #parts: DrainParts;
  #running: Promise<void> | undefined;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  get hasBegun(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when nobody is left, or all publishers were sent away at the deadline. */
  async run(deadlineMs: number): Promise<void> {
    this.#running ??= this.#drain(deadlineMs);
    await this.#running;
  }

  async #drain(deadlineMs: number): Promise<void> {
    const { clock, logger, origin, edge, announce } = this.#parts;
    const endsMs = clock.nowMs() + deadlineMs;
    origin?.drain();
    edge?.drain();
    await announce();
    let asked = 0;
    for (const session of origin?.sessions ?? []) if (session.requestReconnect()) asked++;
    logger.info(
      { deadlineMs, publishers: origin?.publishers ?? 0, asked, viewers: this.#viewers },
      'drain begun',
    );
    while (this.#isBusy && clock.nowMs() < endsMs) {
      await this.#pause(Math.min(lookEachMs, endsMs - clock.nowMs()));
    }
    for (const session of [...(origin?.sessions ?? [])]) {
      session.close('shutdown');
      await this.#pause(staggerMs);
    }
    logger.info({ viewers: this.#viewers }, 'drain ended');
  }

  get #viewers(): number {
    return this.#parts.edge?.viewers.size ?? 0;
  }

  get #isBusy(): boolean {
    return (this.#parts.origin?.publishers ?? 0) > 0 || this.#viewers > 0;
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parts.clock.after(ms, resolve);
    });
  }
}
