import type { Duplex } from 'node:stream';
import type { Clock } from '@headwater/contracts';

// What a closing connection may take to send its last words.
const flushMs = 5_000;

/** Cuts a connection that is being closed when its peer does not read to the end, or does not close its side. */
export function cutAfterLastWords(clock: Pick<Clock, 'after'>, socket: Duplex): void {
  if (socket.destroyed) return;
  const timer = clock.after(flushMs, () => socket.destroy());
  socket.once('close', () => {
    timer.cancel();
  });
}
