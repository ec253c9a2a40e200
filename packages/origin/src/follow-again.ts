// A follower that was cut off from its owner for too long is over, while its appointment may stand: nothing happens in the
// registry that would bring it back. So the registry is asked, now and then, until the stream is followed again or is
// another's to follow.
import { toAppError, type Clock, type Logger, type StreamKey, type Timer } from '@headwater/contracts';
import type { StreamRecord, StreamRegistry } from '@headwater/cluster';
import { registryAnswerMs, registryIsLate } from './publish-claims.ts';
import { within } from './within.ts';

/** What is needed to follow again. */
export interface FollowAgainOptions {
  readonly registry: Pick<StreamRegistry, 'stream'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1): spreads the questions about many streams. */
  random(): number;
  /** True where that record makes the stream this node's to follow. */
  isAppointed(record: StreamRecord): boolean;
  /** Follows. */
  follow(record: StreamRecord): void;
}

const askEachMs = 10_000;

/** The streams that were followed and may have to be again. `close` ends it. */
export class FollowAgain {
  readonly #options: FollowAgainOptions;
  readonly #timers = new Map<StreamKey, Timer>();

  constructor(options: FollowAgainOptions) {
    this.#options = options;
  }

  /** Nobody follows that stream any more, and nobody has said that nobody should. */
  lost(key: StreamKey): void {
    this.forget(key);
    const delayMs = askEachMs * (0.75 + this.#options.random() / 2);
    const timer = this.#options.clock.after(delayMs, () => {
      void this.#ask(key, timer);
    });
    this.#timers.set(key, timer);
  }

  /** The stream is followed, or there is other news of it. */
  forget(key: StreamKey): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
  }

  close(): void {
    for (const key of [...this.#timers.keys()]) this.forget(key);
  }

  async #ask(key: StreamKey, asker: Timer): Promise<void> {
    const { registry, clock, logger } = this.#options;
    let record: StreamRecord | undefined;
    try {
      record = await within(clock, registryAnswerMs, registry.stream(key), registryIsLate);
    } catch (caught) {
      logger.debug({ stream: key, err: toAppError(caught) }, 'registry does not say who follows a stream');
      if (this.#timers.get(key) === asker) this.lost(key);
      return;
    }
    if (this.#timers.get(key) !== asker) return;
    this.forget(key);
    // Of an owner that is held for dead the registry has news as soon as there is one again.
    if (record === undefined || record.state === 'orphaned' || !this.#options.isAppointed(record)) return;
    this.#options.follow(record);
  }
}
