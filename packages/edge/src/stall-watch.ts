import type { Clock, Timer } from '@headwater/contracts';

const lookEachMs = 500;
// Timers are never quite on time.
const lateMs = 100;

/** Notices that something that should keep coming has stopped: a frozen owner keeps its connections open. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #stalled: () => void;
  #timer: Timer | undefined;
  #lastMs = 0;
  #stallMs = 0;

  /** `stalled` is called once when nothing was seen for so long as `start` says; the watch has stopped then. */
  constructor(clock: Clock, stalled: () => void) {
    this.#clock = clock;
    this.#stalled = stalled;
  }

  /** Begins to watch, or goes on with the full time. */
  start(stallMs: number): void {
    this.seen();
    this.#stallMs = stallMs;
    this.#arm(stallMs);
  }

  /** Something came. Cheap: called with every batch. */
  seen(): void {
    this.#lastMs = this.#clock.nowMs();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  // One timer that is set again when it fires early, instead of one for each batch. Whoever stood still himself has not read
  // yet what came meanwhile: that time does not count.
  #arm(afterMs: number): void {
    const nowMs = this.#clock.nowMs();
    const delayMs = Math.min(afterMs, lookEachMs);
    this.#timer ??= this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      const stoodStillMs = this.#clock.nowMs() - nowMs - delayMs;
      if (stoodStillMs > lateMs) this.#lastMs += stoodStillMs;
      const leftMs = this.#lastMs + this.#stallMs - this.#clock.nowMs();
      if (leftMs > 0) this.#arm(leftMs);
      else this.#stalled();
    });
  }
}
