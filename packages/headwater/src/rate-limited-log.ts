import type { Clock, LogFields, Logger } from '@headwater/contracts';

/** How bad repeated trouble is. */
export type TroubleLevel = 'debug' | 'info' | 'warn' | 'error';

interface Window {
  repeated: number;
  level: TroubleLevel;
  fields: LogFields;
}

/**
 * Reports each kind of repeated trouble at most once a second: the first occurrence at once, the rest of the second as
 * one line with their number and the last one's fields. The message is the kind, so messages must be constants.
 */
export class RateLimitedLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #windows = new Map<string, Window>();

  constructor(logger: Logger, clock: Clock, options: { readonly periodMs?: number } = {}) {
    this.#logger = logger;
    this.#clock = clock;
    this.#periodMs = options.periodMs ?? 1000;
  }

  /** Counts one occurrence. */
  report(level: TroubleLevel, fields: LogFields, message: string): void {
    const window = this.#windows.get(message);
    if (window === undefined) {
      this.#logger[level](fields, message);
      this.#open(message);
      return;
    }
    window.repeated += 1;
    window.level = level;
    window.fields = fields;
  }

  #open(message: string): void {
    const window: Window = { repeated: 0, level: 'debug', fields: {} };
    this.#windows.set(message, window);
    this.#clock.after(this.#periodMs, () => {
      this.#windows.delete(message);
      if (window.repeated === 0) return;
      this.#logger[window.level]({ ...window.fields, repeated: window.repeated }, message);
      this.#open(message);
    });
  }
}
