import type { Clock, Timer } from '@headwater/contracts';

/** The clock of the registry's store: it stands while the store is away, and goes back with the data of an older copy. */
export class StoreClock implements Clock {
  readonly #clock: Clock;
  #behindMs = 0;
  #pausedAtMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return (this.#pausedAtMs ?? this.#clock.nowMs()) - this.#behindMs;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  pause(): void {
    this.#pausedAtMs ??= this.#clock.nowMs();
  }

  /** Goes on; so much of the pause counts as time. */
  resume(countedMs: number): void {
    if (this.#pausedAtMs === undefined) return;
    const pausedMs = this.#clock.nowMs() - this.#pausedAtMs;
    this.#behindMs += pausedMs - Math.min(pausedMs, countedMs);
    this.#pausedAtMs = undefined;
  }

  /** Goes back to what it showed then. */
  returnTo(thenMs: number): void {
    this.#behindMs += this.nowMs() - thenMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#clock.after(delayMs, run);
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#clock.every(periodMs, run);
  }
}
