const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The signals that ask for an end. */
export type StopSignal = (typeof signals)[number];

/**
 * Resolves `first` at the first of them; the second calls `again`, as the person is tired of waiting. Listening lasts
 * until `close`.
 */
export class StopSignals {
  readonly first: Promise<StopSignal>;
  readonly #listener: (signal: StopSignal) => void;

  constructor(again: () => void) {
    let resolveFirst: ((signal: StopSignal) => void) | undefined;
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    this.#listener = (signal) => {
      if (resolveFirst === undefined) again();
      resolveFirst?.(signal);
      resolveFirst = undefined;
    };
    for (const signal of signals) process.on(signal, this.#listener);
  }

  close(): void {
    for (const signal of signals) process.off(signal, this.#listener);
  }
}
