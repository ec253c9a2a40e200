import type { Clock, Timer } from '@headwater/contracts';

/**
 * Time as far as this process has lived through it: monotonic, and standing still while the process does (stopped,
 * suspended, stuck). Whoever measures other parties' silence must not count its own. Ticks at `stepMs`; a gap of more
 * than two steps counts as one.
 */
export class RunTime {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #timer: Timer;
  #seenMs: number;
  #livedMs = 0;

  /** Calls `onTick` each `stepMs` until closed. */
  constructor(clock: Clock, stepMs: number, onTick: () => void) {
    this.#clock = clock;
    this.#stepMs = stepMs;
    this.#seenMs = clock.nowMs();
    this.#timer = clock.every(stepMs, onTick);
  }

  /** Milliseconds lived through since the start. */
  nowMs(): number {
    const nowMs = this.#clock.nowMs();
    const gapMs = nowMs - this.#seenMs;
    this.#seenMs = nowMs;
    this.#livedMs += gapMs > 2 * this.#stepMs ? this.#stepMs : gapMs;
    return this.#livedMs;
  }

  close(): void {
    this.#timer.cancel();
  }
}
