// A simulated process: everything that happens in it (a timer, a message) goes through `deliver`. Frozen, it does
// nothing, and catches up afterwards with what its kernel has kept for it; crashed, it is as if it had never been.
import type { Clock, Timer } from '@headwater/contracts';
import type { ManualClock } from '@headwater/contracts/testing';

/** `up` runs; `frozen` keeps its ports open and does nothing (SIGSTOP); `dead` is gone for good. */
export type ProcessState = 'up' | 'frozen' | 'dead';

/** One run of one node. It is the clock of all that runs in it. */
export class SimulatedProcess implements Clock {
  readonly name: string;
  readonly incarnation: string;
  /** Called at once when it dies; whoever is connected to it. */
  readonly onDeath: Set<() => void> = new Set<() => void>();
  /** Since when it has run without a break; meaningful while it is up. */
  upSinceMs: number;
  frozenSinceMs = 0;
  readonly #clock: ManualClock;
  readonly #wallSkewMs: number;
  #state: ProcessState = 'up';
  #backlog: (() => void)[] = [];

  constructor(options: { name: string; incarnation: string; clock: ManualClock; wallSkewMs: number }) {
    this.name = options.name;
    this.incarnation = options.incarnation;
    this.#clock = options.clock;
    this.#wallSkewMs = options.wallSkewMs;
    this.upSinceMs = options.clock.nowMs();
  }

  get state(): ProcessState {
    return this.#state;
  }

  /** Runs it in the process: now, when it thaws, or never. */
  deliver(run: () => void): void {
    if (this.#state === 'up') run();
    else if (this.#state === 'frozen') this.#backlog.push(run);
  }

  freeze(): void {
    if (this.#state !== 'up') return;
    this.#state = 'frozen';
    this.frozenSinceMs = this.#clock.nowMs();
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'up';
    this.upSinceMs = this.#clock.nowMs();
    // One after the other, with what each sets off in between.
    for (const run of this.#backlog.splice(0)) {
      this.#clock.after(0, () => {
        this.deliver(run);
      });
    }
  }

  die(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#backlog = [];
    for (const told of [...this.onDeath]) told();
    this.onDeath.clear();
  }

  /** Runs it after a while outside the process, whatever becomes of that: something that it has sent arrives. */
  world(delayMs: number, run: () => void): void {
    this.#clock.after(delayMs, run);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs() + this.#wallSkewMs;
  }

  after(delayMs: number, run: () => void): Timer {
    let isOver = false;
    const due = (): void => {
      if (isOver) return;
      isOver = true;
      run();
    };
    const timer = this.#clock.after(delayMs, () => {
      if (this.#state === 'up') due();
      else this.deliver(due);
    });
    return {
      cancel: () => {
        isOver = true;
        timer.cancel();
      },
    };
  }

  every(periodMs: number, run: () => void): Timer {
    let isOver = false;
    let isWaiting = false;
    const due = (): void => {
      isWaiting = false;
      if (!isOver) run();
    };
    const timer = this.#clock.every(periodMs, () => {
      if (this.#state === 'up') {
        due();
      } else if (this.#state === 'dead') {
        timer.cancel();
      } else if (!isWaiting) {
        isWaiting = true;
        this.deliver(due);
      }
    });
    return {
      cancel: () => {
        isOver = true;
        timer.cancel();
      },
    };
  }
}
