import type { Clock } from '@headwater/contracts';

/** Lets a line through at most once a period and counts what it held back. */
export class LogGate {
  readonly #clock: Clock;
  readonly #periodMs: number;
  #openedMs = Number.NEGATIVE_INFINITY;
  #heldBack = 0;

  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /** Lets the next line through: what it says is news. */
  reset(): void {
    this.#openedMs = Number.NEGATIVE_INFINITY;
  }

  /** How many lines were held back since the last one that passed; undefined when this one must be held back as well. */
  pass(): number | undefined {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#openedMs < this.#periodMs) {
      this.#heldBack++;
      return undefined;
    }
    const heldBack = this.#heldBack;
    this.#openedMs = nowMs;
    this.#heldBack = 0;
    return heldBack;
  }
}
