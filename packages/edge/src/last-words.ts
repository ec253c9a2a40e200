import type { Duplex } from 'node:stream';
import type { Clock } from '@headwater/contracts';

// What a closing connection may take to send its last words. A peer that keeps its half open is gone within 5 s of the end of
// its session also where a busy machine fires timers late.
const flushMs = 4_000;

/** Cuts a connection that is being closed when its peer does not read to the end, or does not close its side. */
export function cutAfterLastWords(clock: Pick<Clock, 'after'>, socket: Duplex): void {
  if (socket.destroyed) return;
  const timer = clock.after(flushMs, () => socket.destroy());
  socket.once('close', () => {
    timer.cancel();
  });
}
