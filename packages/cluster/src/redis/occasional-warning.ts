import type { Clock, LogFields, Logger } from '@headwater/contracts';

/** Warns at most once a second; the next line says how many were left out. */
export class OccasionalWarning {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  warn(fields: LogFields, message: string): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#warnedMs < 1_000) {
      this.#leftOut++;
      return;
    }
    this.#logger.warn(this.#leftOut === 0 ? fields : { ...fields, leftOut: this.#leftOut }, message);
    this.#warnedMs = nowMs;
    this.#leftOut = 0;
  }
}
