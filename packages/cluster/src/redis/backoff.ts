/** Pauses that double from `firstMs` to `maxMs`, each shortened at random by up to a half, so that clients spread. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #tries = 0;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  nextMs(): number {
    const fullMs = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#tries, 30));
    this.#tries++;
    return fullMs * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}
