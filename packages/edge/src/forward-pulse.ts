import type { Clock, Timer } from '@headwater/contracts';

/** What a pulse asks, and whom it tells. */
export interface ForwardPulseOptions {
  /** Says something that has to be answered. */
  ask(): void;
  /** Nothing was heard for several questions. Called once; the pulse has stopped then. */
  stopped(): void;
}

const askEachMs = 1_000;
// As long as a controller takes to call a frozen node dead: a publisher that comes back sooner would only wait.
const mostUnanswered = 4;

/**
 * Notices that an origin stands still: its connection stays open and takes what fits into the buffers of two machines,
 * while nobody gets a frame. Questions are counted, not time: who stood still himself has asked nothing meanwhile.
 */
export class ForwardPulse {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #options: ForwardPulseOptions;
  #timer: Timer;
  #unanswered = 0;

  constructor(clock: Pick<Clock, 'after'>, options: ForwardPulseOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#timer = this.#askLater();
  }

  /** Something came. */
  heard(): void {
    this.#unanswered = 0;
  }

  close(): void {
    this.#timer.cancel();
  }

  #askLater(): Timer {
    return this.#clock.after(askEachMs, () => {
      if (this.#unanswered >= mostUnanswered) {
        this.#options.stopped();
        return;
      }
      this.#unanswered++;
      this.#timer = this.#askLater();
      this.#options.ask();
    });
  }
}
