import { AppError, type Clock, type Timer } from '@headwater/contracts';

/**
 * Settles like `call`, or rejects with `registry_unavailable` after `limitMs`. A process that was itself held up gives the
 * answer, which may be waiting in the kernel, half the time once more before it blames the server.
 */
export async function withDeadline<T>(clock: Clock, limitMs: number, call: Promise<T>): Promise<T> {
  const startMs = clock.nowMs();
  return await new Promise<T>((resolve, reject) => {
    let timer: Timer;
    const fail = (): void => {
      reject(
        new AppError('registry_unavailable', { details: { why: 'no answer', limitMs: Math.round(limitMs) } }),
      );
    };
    timer = clock.after(limitMs, () => {
      const lateMs = clock.nowMs() - startMs - limitMs;
      if (lateMs > 50) timer = clock.after(limitMs / 2, fail);
      else fail();
    });
    call.then(resolve, reject).finally(() => {
      timer.cancel();
    });
  });
}
