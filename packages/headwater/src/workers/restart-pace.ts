// When a worker that has died is replaced: at once, unless its like died soon after their starts.
import type { Clock } from '@headwater/contracts';

const healthyMs = 30_000;
const firstMs = 100;
const longestMs = 30_000;

/** Pauses between the workers of one place. */
export class RestartPace {
  readonly #clock: Pick<Clock, 'nowMs'>;
  #startedMs = 0;
  #earlyDeaths = 0;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** A worker was started. */
  started(): void {
    this.#startedMs = this.#clock.nowMs();
  }

  /** A worker died: how long to wait before the next one, in ms. */
  died(): number {
    const isEarly = this.#clock.nowMs() - this.#startedMs < healthyMs;
    this.#earlyDeaths = isEarly ? this.#earlyDeaths + 1 : 1;
    return Math.min(longestMs, firstMs * 2 ** (this.#earlyDeaths - 1));
  }
}
