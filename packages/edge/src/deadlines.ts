import { AppError, type Clock, type Timer } from '@headwater/contracts';

/** Bounds waits for what may never be answered. `close` gives up all that is being waited for. */
export class Deadlines {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #waits = new Map<Timer, (error: AppError) => void>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** The promise's outcome, or a rejection with `late` after `limitMs`. */
  async within<T>(limitMs: number, promise: Promise<T>, late: () => AppError): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.after(limitMs, () => {
        this.#waits.delete(timer);
        reject(late());
      });
      this.#waits.set(timer, reject);
      const settle = (): void => {
        this.#waits.delete(timer);
        timer.cancel();
      };
      promise.finally(settle).then(resolve, reject);
    });
  }

  close(): void {
    for (const [timer, reject] of this.#waits) {
      timer.cancel();
      reject(new AppError('draining'));
    }
    this.#waits.clear();
  }
}
