import { performance } from 'node:perf_hooks';

/** Milliseconds for which the event loop of this process has been busy so far: it did not wait for anything. */
export function loopBusyMs(): number {
  return performance.eventLoopUtilization().active;
}
