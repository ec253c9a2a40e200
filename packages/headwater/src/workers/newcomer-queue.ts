// Connections that wait for a worker to be free. Nothing is read from them meanwhile, so a peer cannot be answered: one that
// has waited for as long as it would be given for its own first words is turned away, as are those beyond a number.
import type { Clock, Counter, Metrics, Timer } from '@headwater/contracts';
import { refusedConnections } from '../connection-gate.ts';
import type { Newcomer } from './worker-process.ts';

/** What a queue is made of. */
export interface NewcomerQueueOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly maxNewcomers: number;
  readonly maxWaitMs: number;
}

interface Waiting {
  readonly newcomer: Newcomer;
  readonly sinceMs: number;
}

const lookMs = 500;

/** First come, first served. */
export class NewcomerQueue {
  readonly #options: NewcomerQueueOptions;
  readonly #refused: Counter;
  readonly #waiting: Waiting[] = [];
  readonly #timer: Timer;
  #isClosed = false;

  constructor(options: NewcomerQueueOptions) {
    this.#options = options;
    this.#refused = refusedConnections(options.metrics);
    this.#timer = options.clock.every(lookMs, () => {
      this.#look();
    });
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(newcomer: Newcomer): void {
    if (this.#isClosed || this.#waiting.length >= this.#options.maxNewcomers) this.#refuse(newcomer);
    else this.#waiting.push({ newcomer, sinceMs: this.#options.clock.nowMs() });
  }

  /** The one that has waited longest and is still there. */
  next(): Newcomer | undefined {
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      const { newcomer } = first;
      if (!newcomer.socket.destroyed) return newcomer;
      newcomer.release();
    }
    return undefined;
  }

  /** Turns all away, and whoever comes from now on. */
  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
    for (const { newcomer } of this.#waiting.splice(0)) this.#refuse(newcomer);
  }

  #look(): void {
    const { clock, maxWaitMs } = this.#options;
    const latestMs = clock.nowMs() - maxWaitMs;
    const firstToStay = this.#waiting.findIndex(({ sinceMs }) => sinceMs > latestMs);
    const overdue = this.#waiting.splice(0, firstToStay < 0 ? this.#waiting.length : firstToStay);
    for (const { newcomer } of overdue) this.#refuse(newcomer);
  }

  #refuse({ port, socket, release }: Newcomer): void {
    if (!this.#isClosed) this.#refused.add(1, { port, limit: 'free_worker' });
    socket.destroy();
    release();
  }
}
