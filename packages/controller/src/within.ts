import { AppError, type Clock } from '@headwater/contracts';

/** Settles as the call does, or rejects with `registry_unavailable` when that takes longer. */
export async function within<T>(clock: Clock, limitMs: number, call: Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const timer = clock.after(limitMs, () => {
      reject(new AppError('registry_unavailable', { details: { limitMs } }));
    });
    call.then(resolve, reject).finally(() => {
      timer.cancel();
    });
  });
}
