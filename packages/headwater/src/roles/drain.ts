// How a node leaves without anyone noticing: nobody new comes in, publishers that can are asked to move, the rest get
// the time they need, and only then, one after the other, are they sent away.
import type { Clock, Logger } from '@headwater/contracts';
import type { ForwardedSession, PublishForwarder } from '@headwater/edge';
import type { BackupSession, Origin, PublishSession } from '@headwater/origin';
import type { Audience } from './audience.ts';

/** What a drain moves. */
export interface DrainParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly origin: Origin | undefined;
  readonly audience: Pick<Audience, 'viewers' | 'drain'> | undefined;
  readonly forwarder: PublishForwarder | undefined;
  /** Tells the cluster at once. */
  readonly announce: () => Promise<void>;
}

const lookEachMs = 100;
// Publishers without the ability to be asked are sent away one by one, so that the others do not get all at once. However
// many there are, whoever stops this node does not wait much longer than the deadline.
const staggerMs = 50;
const mostStaggerMs = 2_000;

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
    const { clock, logger, origin, audience, forwarder, announce } = this.#parts;
    const endsMs = clock.nowMs() + deadlineMs;
    origin?.drain();
    audience?.drain();
    forwarder?.drain();
    await announce();
    const publishers = this.#publishers;
    const asked = publishers.filter((session) => session.requestReconnect()).length;
    const fields = { deadlineMs, publishers: publishers.length, asked, viewers: this.#viewers };
    logger.info(fields, 'drain begun');
    while (this.#isBusy && clock.nowMs() < endsMs) {
      await this.#pause(Math.min(lookEachMs, endsMs - clock.nowMs()));
    }
    const left = this.#publishers;
    for (const session of left) {
      session.close('shutdown');
      await this.#pause(Math.min(staggerMs, mostStaggerMs / left.length));
    }
    logger.info({ viewers: this.#viewers }, 'drain ended');
  }

  /** Those of this node, and those it forwards. */
  get #publishers(): (PublishSession | BackupSession | ForwardedSession)[] {
    const { origin, forwarder } = this.#parts;
    return [...(origin?.sessions ?? []), ...(origin?.backupSessions ?? []), ...(forwarder?.sessions ?? [])];
  }

  get #viewers(): number {
    return this.#parts.audience?.viewers.size ?? 0;
  }

  get #isBusy(): boolean {
    return this.#publishers.length > 0 || this.#viewers > 0;
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#parts.clock.after(ms, resolve);
    });
  }
}
