// Tells whether the node has room for one more viewer by what it sends and by its event loop, how late and how busy that is:
// those who watch already keep their stream, newcomers are sent away in time. The fan-out lets everything else have its turn, so
// a loop that has no time left is late by little until long after its viewers have stalled.
import type { Clock, Timer } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';
import { RateWindow } from './rate-window.ts';

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

// Often enough that a burst of joins is seen while it lasts.
const sampleMs = 100;
// Long enough that one stall or one burst is no overload.
const windowMs = 3_000;
const lagSamples = windowMs / sampleMs;
// Shorter, because those who are let in meanwhile stay. It does not have to be shorter still: to come in costs as much as to
// watch for some seconds, so that a loop to which many come is busy before they have cost what they will.
const busyWindowMs = 1_000;
// A loop that was too busy has room again when it was less busy than this part of the limit, for the longer time. It is never
// equally busy: some more would be let in each time that it is less so by chance, and they would be too many all other times.
const roomAgainShare = 0.85;

/** Looks ten times a second, and judges by the last seconds. */
export class OverloadWatch {
  readonly #options: OverloadWatchOptions;
  readonly #lags = new Float64Array(lagSamples);
  readonly #bytes = new RateWindow(windowMs, sampleMs);
  readonly #busyMs = new RateWindow(busyWindowMs, sampleMs);
  readonly #longBusyMs = new RateWindow(windowMs, sampleMs);
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
    return this.#taken === 0 ? 0 : this.#lagSum / Math.min(this.#taken, lagSamples);
  }

  /** Over the last three seconds. */
  get egressBitsPerSecond(): number {
    return this.#bytes.perMs * 8_000;
  }

  /** Over the last second; from 0 to 1. */
  get loopBusyShare(): number {
    return this.#busyMs.perMs;
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
    if (loopLagMs > 0 && this.#taken >= lagSamples && this.loopLagMs >= loopLagMs) {
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

  #sampleLater(): Timer {
    return this.#options.clock.after(sampleMs, () => {
      this.#sample();
      this.#timer = this.#sampleLater();
    });
  }

  #sample(): void {
    const { clock, limits } = this.#options;
    const nowMs = clock.nowMs();
    this.#countLag(Math.max(0, nowMs - this.#dueMs));
    this.#dueMs = nowMs + sampleMs;
    // To add up what all viewers were written is work, for each of them.
    if (limits.egressBitsPerSecond > 0) this.#bytes.add(this.#options.bytesWritten(), nowMs);
    const busyMs = this.#options.loopBusyMs();
    this.#busyMs.add(busyMs, nowMs);
    this.#longBusyMs.add(busyMs, nowMs);
    this.#isBusy = this.#isTooBusy(limits.loopBusyShare);
  }

  #isTooBusy(limit: number): boolean {
    if (limit === 0) return false;
    if (this.loopBusyShare >= limit) return true;
    return this.#isBusy && this.#longBusyMs.perMs >= limit * roomAgainShare;
  }

  #countLag(lagMs: number): void {
    const at = this.#taken % lagSamples;
    this.#lagSum += lagMs - (this.#lags[at] ?? 0);
    this.#lags[at] = lagMs;
    this.#taken++;
  }
}
