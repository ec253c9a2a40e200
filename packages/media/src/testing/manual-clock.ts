import type { Clock, Timer } from '@headwater/contracts';

interface Due {
  atMs: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #wallStartMs: number;
  readonly #due = new Set<Due>();

  constructor(wallStartMs: number = Date.UTC(2024, 0, 1)) {
    this.#wallStartMs = wallStartMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add({
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      periodMs: undefined,
      run,
    });
  }

  every(periodMs: number, run: () => void): Timer {
    const period = Math.max(1, periodMs);
    return this.#add({ atMs: this.#nowMs + period, order: this.#order++, periodMs: period, run });
  }

  /** Timers that are set and not cancelled. */
  get pendingTimers(): number {
    return this.#due.size;
  }

  /** Moves time forward, running what falls due in order of time, then of setting. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#nowMs = next.atMs;
      if (next.periodMs === undefined) this.#due.delete(next);
      else next.atMs += next.periodMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }

  #add(due: Due): Timer {
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  #next(untilMs: number): Due | undefined {
    let best: Due | undefined;
    for (const due of this.#due) {
      if (due.atMs > untilMs) continue;
      if (best === undefined || due.atMs < best.atMs || (due.atMs === best.atMs && due.order < best.order)) {
        best = due;
      }
    }
    return best;
  }
}
