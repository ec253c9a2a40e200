import type { AppError, Clock } from '@headwater/contracts';

/** Settles as the call does, or rejects with what `late` makes after `limitMs`: nobody whom we ask may keep us for ever. */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  call: Promise<T>,
  late: () => AppError,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const timer = clock.after(limitMs, () => {
      reject(late());
    });
    call.then(resolve, reject).finally(() => {
      timer.cancel();
    });
  });
}
