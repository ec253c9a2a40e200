import type { Clock, Timer } from '@headwater/contracts';

/** The machine's time, for tests over real sockets. */
export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, run) => timer(setTimeout(run, delayMs)),
  every: (periodMs, run) => timer(setInterval(run, periodMs)),
};

function timer(handle: NodeJS.Timeout): Timer {
  return {
    cancel: () => {
      clearTimeout(handle);
    },
  };
}
