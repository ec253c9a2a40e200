import type { Clock, Timer } from '../clock.ts';

interface Pending {
  dueMs: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly run: () => void;
  isCancelled: boolean;
}

/** A clock that moves only when told to. Timers run in the order of their due time, then of their setting. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #wallOffsetMs: number;
  /** A binary heap: the next to run is the first. What was cancelled stays in it until its turn comes. */
  #heap: Pending[] = [];
  #cancelled = 0;

  constructor(wallStartMs = 1_700_000_000_000) {
    this.#wallOffsetMs = wallStartMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#schedule(delayMs, undefined, run);
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#schedule(periodMs, periodMs, run);
  }

  /** How many timers are set: a test of clean closing expects 0. */
  get pendingTimers(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Moves time forward while nothing runs, as when the process is frozen; what fell due runs with the next `advance`. */
  stall(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Moves time forward and runs every timer that falls due on the way. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    while (this.runNext(endMs));
    this.#nowMs = endMs;
  }

  /** Moves time forward to the next timer that is due by `untilMs`, and runs that one alone; false when there is none. */
  runNext(untilMs: number): boolean {
    const next = this.#next();
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    if (next.periodMs === undefined) {
      this.#removeFirst();
      // It is out already: cancelling it now changes nothing.
      next.isCancelled = true;
    } else {
      next.dueMs += next.periodMs;
      this.#sink(0);
    }
    next.run();
    return true;
  }

  #schedule(delayMs: number, periodMs: number | undefined, run: () => void): Timer {
    const entry: Pending = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      periodMs,
      run,
      isCancelled: false,
    };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return {
      cancel: () => {
        if (entry.isCancelled) return;
        entry.isCancelled = true;
        this.#cancelled++;
        if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#compact();
      },
    };
  }

  #next(): Pending | undefined {
    for (let first = this.#heap[0]; first?.isCancelled === true; first = this.#heap[0]) {
      this.#cancelled--;
      this.#removeFirst();
    }
    return this.#heap[0];
  }

  #compact(): void {
    this.#heap = this.#heap.filter(({ isCancelled }) => !isCancelled);
    this.#cancelled = 0;
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    for (let index = from; index > 0;) {
      const above = (index - 1) >> 1;
      const [child, parent] = [heap[index], heap[above]];
      if (child === undefined || parent === undefined || !isEarlier(child, parent)) return;
      heap[index] = parent;
      heap[above] = child;
      index = above;
    }
  }

  #sink(from: number): void {
    const heap = this.#heap;
    for (let index = from; ;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const parent = heap[index];
      if (left === undefined || parent === undefined) return;
      const isRight = right !== undefined && isEarlier(right, left);
      const child = isRight ? right : left;
      if (!isEarlier(child, parent)) return;
      const below = 2 * index + (isRight ? 2 : 1);
      heap[index] = child;
      heap[below] = parent;
      index = below;
    }
  }
}

function isEarlier(a: Pending, b: Pending): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
