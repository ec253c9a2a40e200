import { AppError, toAppError, type Clock } from '@headwater/contracts';

/**
 * One viewer's way in: the one place where it can be given up while something is waited for, because the viewer left, the
 * node drains, or the answer takes too long. After a wait that resolved the viewer is still wanted.
 */
export class Admission {
  readonly #clock: Pick<Clock, 'after' | 'nowMs'>;
  readonly #sinceMs: number;
  readonly #signal: AbortSignal;
  #givenUp: AppError | undefined;
  #reject: ((error: AppError) => void) | undefined;

  /** `signal` is aborted when the viewer leaves. */
  constructor(clock: Pick<Clock, 'after' | 'nowMs'>, signal: AbortSignal) {
    this.#clock = clock;
    this.#sinceMs = clock.nowMs();
    this.#signal = signal;
    signal.addEventListener('abort', this.#leave, { once: true });
    if (signal.aborted) this.#leave();
  }

  /** How long it has taken so far. */
  get elapsedMs(): number {
    return this.#clock.nowMs() - this.#sinceMs;
  }

  /** The node's side gives it up. */
  readonly end = (error: AppError): void => {
    this.#giveUp(error);
  };

  /** Waits for one answer, within `limitMs` where the answer has no limit of its own. */
  async wait<T>(answer: Promise<T>, limitMs?: number): Promise<T> {
    const timer =
      limitMs === undefined
        ? undefined
        : this.#clock.after(limitMs, () => {
            this.#giveUp(new AppError('internal', { details: { what: 'no answer in time', limitMs } }));
          });
    try {
      const value = await Promise.race([answer, this.#untilGivenUp()]);
      // Given up after the answer, before anybody acted on it.
      if (this.#givenUp !== undefined) throw this.#givenUp;
      return value;
    } finally {
      timer?.cancel();
      this.#reject = undefined;
    }
  }

  /** The viewer is in, or refused: nothing is waited for any more. */
  close(): void {
    this.#signal.removeEventListener('abort', this.#leave);
  }

  readonly #leave = (): void => {
    this.#giveUp(toAppError(this.#signal.reason));
  };

  #giveUp(error: AppError): void {
    this.#givenUp ??= error;
    this.#reject?.(this.#givenUp);
  }

  async #untilGivenUp(): Promise<never> {
    return new Promise<never>((_resolve, reject) => {
      if (this.#givenUp === undefined) this.#reject = reject;
      else reject(this.#givenUp);
    });
  }
}
