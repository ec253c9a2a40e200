/** How long failed attempts wait. Times in ms. */
export interface PullBackoffTimes {
  readonly firstMs: number;
  readonly maxMs: number;
  /** An attempt that ran for this long was a good one: the next failure starts from the beginning. */
  readonly goodMs: number;
}

/** 1 s, doubled up to 30 s; forgotten after a minute of good running. */
export const pullBackoffTimes: PullBackoffTimes = { firstMs: 1_000, maxMs: 30_000, goodMs: 60_000 };

/** Delays between attempts: exponential, spread by a fifth so that many jobs do not retry in step. */
export class PullBackoff {
  readonly #times: PullBackoffTimes;
  readonly #random: () => number;
  #failures = 0;

  constructor(times: PullBackoffTimes, random: () => number) {
    this.#times = times;
    this.#random = random;
  }

  /** The delay after an attempt that was good for `ranMs`. */
  next(ranMs: number): number {
    const { firstMs, maxMs, goodMs } = this.#times;
    if (ranMs >= goodMs) this.#failures = 0;
    const fullMs = Math.min(maxMs, firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return Math.round(fullMs * (0.8 + 0.4 * this.#random()));
  }
}
