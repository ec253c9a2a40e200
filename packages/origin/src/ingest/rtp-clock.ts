// RTP time (RFC 3550 §5.1): 32 bits that wrap, from an arbitrary start, in a rate of each track's own.

/** The source began to count anew, or lost its mind: the timeline cannot go on. */
export class RtpTimeJump extends Error {}

const forwardLimitSeconds = 30;
const backwardLimitSeconds = 5;

/** Counts a track's ticks beyond 32 bits. */
export class RtpClock {
  readonly rate: number;
  #last: number | undefined;

  constructor(rate: number) {
    this.rate = rate;
  }

  /** Ticks without wrapping. Throws `RtpTimeJump` when they are too far from the ones before. */
  unwrap(timestamp: number): number {
    const ticks = this.near(timestamp);
    const seconds = (ticks - (this.#last ?? ticks)) / this.rate;
    if (seconds > forwardLimitSeconds || seconds < -backwardLimitSeconds) {
      throw new RtpTimeJump(`the source's clock jumped by ${seconds.toFixed(1)} s`);
    }
    this.#last = ticks;
    return ticks;
  }

  /** The ticks that a timestamp of about now means; changes nothing. */
  near(timestamp: number): number {
    if (this.#last === undefined) return timestamp;
    return this.#last + ((timestamp - this.#last) | 0);
  }
}
