// Tells whether the node has room for one more viewer by what it sends and by its event loop, how late and how busy that is:
// those who watch already keep their stream, newcomers are sent away in time. The fan-out lets everything else have its turn, so
// a loop that has no time left is late by little until long after its viewers have stalled.
import type { Clock, Timer } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';

/** From when on newcomers are turned away; 0 is no limit. */
export interface OverloadLimits {
  readonly egressBitsPerSecond: number;
  /** Mean lateness of timers over some seconds. */
  readonly loopLagMs: number;
  /** Part of the time that the event loop does not wait for anything. */
  readonly loopBusyShare: number;
}

/** What an overload watch looks at. */
export interface OverloadWatchOptions {
  readonly clock: Clock;
  readonly limits: OverloadLimits;
  /** Bytes written to all viewers so far. */
  bytesWritten(): number;
  /** Milliseconds for which the event loop has been busy so far. */
  loopBusyMs(): number;
}

// Often enough that a burst of joins is seen while it lasts; long enough that one stall or one burst is no overload.
const sampleMs = 100;
const samples = 30;
const windowMs = (samples - 1) * sampleMs;
// What a loop was too busy at leaves room again below this part of the limit. Newcomers would make it ever busier otherwise, some
// each time that the share swings below the limit.
const roomAgainShare = 0.9;

/** Looks ten times a second, and judges by the last three seconds. */
export class OverloadWatch {
  readonly #options: OverloadWatchOptions;
  readonly #lags = new Float64Array(samples);
  readonly #bytes = new Float64Array(samples);
  readonly #busyMs = new Float64Array(samples);
  readonly #times = new Float64Array(samples);
  #taken = 0;
  #lagSum = 0;
  #isBusy = false;
  #timer: Timer;
  #dueMs: number;

  constructor(options: OverloadWatchOptions) {
    this.#options = options;
    this.#dueMs = options.clock.nowMs() + sampleMs;
    this.#timer = this.#sampleLater();
  }

  /** Mean lateness of timers, in milliseconds. */
  get loopLagMs(): number {
    return this.#taken === 0 ? 0 : this.#lagSum / Math.min(this.#taken, samples);
  }

  /** Over the last seconds. Before there are as many, what was sent counts for all of them: a start is a burst of joins. */
  get egressBitsPerSecond(): number {
    return this.#perMs(this.#bytes) * 8_000;
  }

  /** As `egressBitsPerSecond`; from 0 to 1. */
  get loopBusyShare(): number {
    return this.#perMs(this.#busyMs);
  }

  /** The limit that is reached, or undefined while there is room. */
  get overload(): Overload | undefined {
    const { egressBitsPerSecond, loopLagMs, loopBusyShare } = this.#options.limits;
    if (egressBitsPerSecond > 0 && this.egressBitsPerSecond >= egressBitsPerSecond) {
      return {
        limit: 'egress',
        is: Math.round(this.egressBitsPerSecond / 1e6),
        max: egressBitsPerSecond / 1e6,
      };
    }
    // Before the window is full a start looks like an overload.
    if (loopLagMs > 0 && this.#taken >= samples && this.loopLagMs >= loopLagMs) {
      return { limit: 'event loop lag', is: Math.round(this.loopLagMs), max: loopLagMs };
    }
    if (this.#isBusy) {
      const percent = (share: number): number => Math.round(share * 100);
      return {
        limit: 'event loop busy',
        is: percent(this.loopBusyShare),
        max: percent(loopBusyShare),
      };
    }
    return undefined;
  }

  close(): void {
    this.#timer.cancel();
  }

  #perMs(totals: Float64Array): number {
    if (this.#taken < 2) return 0;
    const newest = (this.#taken - 1) % samples;
    const oldest = this.#taken < samples ? 0 : this.#taken % samples;
    const elapsedMs = (this.#times[newest] ?? 0) - (this.#times[oldest] ?? 0);
    return ((totals[newest] ?? 0) - (totals[oldest] ?? 0)) / Math.max(elapsedMs, windowMs);
  }

  #sampleLater(): Timer {
    return this.#options.clock.after(sampleMs, () => {
      this.#sample();
      this.#timer = this.#sampleLater();
    });
  }

  #sample(): void {
    const nowMs = this.#options.clock.nowMs();
    const at = this.#taken % samples;
    const lagMs = Math.max(0, nowMs - this.#dueMs);
    this.#lagSum += lagMs - (this.#taken < samples ? 0 : (this.#lags[at] ?? 0));
    this.#lags[at] = lagMs;
    // To add up what all viewers were written is work, for each of them.
    if (this.#options.limits.egressBitsPerSecond > 0) this.#bytes[at] = this.#options.bytesWritten();
    this.#busyMs[at] = this.#options.loopBusyMs();
    this.#times[at] = nowMs;
    this.#taken++;
    const { loopBusyShare } = this.#options.limits;
    const busyFrom = loopBusyShare * (this.#isBusy ? roomAgainShare : 1);
    this.#isBusy = loopBusyShare > 0 && this.loopBusyShare >= busyFrom;
    this.#dueMs = nowMs + sampleMs;
  }
}
