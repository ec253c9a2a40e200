import type { Clock } from '@headwater/contracts';

// Long enough to cover a GOP, whose keyframe would else show as a peak.
const windowMs = 4_000;

/** The rate of a flow of bytes over its last complete window, without a timer. */
export class RateMeter {
  readonly #clock: Pick<Clock, 'nowMs'>;
  #windowStartMs: number;
  #windowBytes = 0;
  #bitsPerSecond = 0;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
    this.#windowStartMs = clock.nowMs();
  }

  add(bytes: number): void {
    this.#turnOver();
    this.#windowBytes += bytes;
  }

  /** 0 when nothing came for a whole window; the rate so far during the first. */
  get bitsPerSecond(): number {
    this.#turnOver();
    if (this.#bitsPerSecond > 0) return this.#bitsPerSecond;
    const elapsedMs = this.#clock.nowMs() - this.#windowStartMs;
    return elapsedMs === 0 ? 0 : Math.round((this.#windowBytes * 8_000) / elapsedMs);
  }

  #turnOver(): void {
    const nowMs = this.#clock.nowMs();
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < windowMs) return;
    this.#bitsPerSecond = Math.round((this.#windowBytes * 8_000) / elapsedMs);
    this.#windowBytes = 0;
    this.#windowStartMs = nowMs;
  }
}
