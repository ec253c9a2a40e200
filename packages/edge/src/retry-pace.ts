const firstRetryMs = 100;
const lastRetryMs = 2_000;

/** How long to wait before each round of tries: longer each time, and spread, so that many edges do not come at once. */
export class RetryPace {
  readonly #random: () => number;
  #attempts = 0;

  /** `random` is uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Failures in a row so far. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The wait before the next round, in ms. */
  next(): number {
    const baseMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 10);
    return baseMs * (0.75 + this.#random() / 2);
  }

  /** Something was delivered. */
  reset(): void {
    this.#attempts = 0;
  }
}
