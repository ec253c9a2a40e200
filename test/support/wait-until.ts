import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait (default 10 s) and how often to look (default every 20 ms). */
export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/** What a check says as long as the wait goes on. */
export type NotYet = undefined | null | false;

/**
 * Calls `check` until it returns something other than undefined, null or false, and resolves with that. Rejects after
 * the timeout with the reason, which reads like "the stream is listed". A check that throws ends the wait.
 */
export async function waitUntil<T>(
  reason: string,
  check: () => T | NotYet | Promise<T | NotYet>,
  options: WaitOptions = {},
): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${reason}`);
    await delay(intervalMs);
  }
}
