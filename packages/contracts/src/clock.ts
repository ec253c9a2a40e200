/** A timer that was set; cancelling twice does nothing. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from. Packages without I/O get one, so that tests and simulations drive time by hand. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start, with fractions. Never compared between machines. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch, for display and as a floor of epochs, never for deadlines. */
  wallMs(): number;
  /** Calls `run` once after `delayMs`. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` each `periodMs` until cancelled. */
  every(periodMs: number, run: () => void): Timer;
}
