/** How fast a total grows that never falls: over the last so many samples of it, taken at an even pace. */
export class RateWindow {
  readonly #totals: Float64Array;
  readonly #times: Float64Array;
  readonly #windowMs: number;
  #taken = 0;

  constructor(windowMs: number, sampleMs: number) {
    const samples = Math.round(windowMs / sampleMs) + 1;
    this.#totals = new Float64Array(samples);
    this.#times = new Float64Array(samples);
    this.#windowMs = windowMs;
  }

  /** Takes the next sample. */
  add(total: number, nowMs: number): void {
    const at = this.#taken % this.#totals.length;
    this.#totals[at] = total;
    this.#times[at] = nowMs;
    this.#taken++;
  }

  /** Before the window is full, what has come counts for all of it: a start is a burst. */
  get perMs(): number {
    if (this.#taken < 2) return 0;
    const samples = this.#totals.length;
    const newest = (this.#taken - 1) % samples;
    const oldest = this.#taken < samples ? 0 : this.#taken % samples;
    const elapsedMs = (this.#times[newest] ?? 0) - (this.#times[oldest] ?? 0);
    return ((this.#totals[newest] ?? 0) - (this.#totals[oldest] ?? 0)) / Math.max(elapsedMs, this.#windowMs);
  }
}
