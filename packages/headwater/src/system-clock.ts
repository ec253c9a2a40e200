import type { Clock, Timer } from '@headwater/contracts';

/** The longest delay that the system's timers can count. */
const maxDelayMs = 2_147_483_647;

/**
 * The real time. Its timers do not keep the process alive: listening sockets do, and when they are gone a forgotten
 * timer must not hold up the end.
 */
export class SystemClock implements Clock {
  nowMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), maxDelayMs)).unref();
    return { cancel: () => clearTimeout(timer) };
  }

  every(periodMs: number, run: () => void): Timer {
    const timer = setInterval(run, Math.min(Math.max(1, periodMs), maxDelayMs)).unref();
    return { cancel: () => clearInterval(timer) };
  }
}
