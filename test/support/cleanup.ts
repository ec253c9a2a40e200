// What a test starts is gone when the test is over, however it ended. Things started in a test end with it; things
// started in a `beforeAll` end with the file (see setup.ts).
import { onTestFinished } from 'vitest';

type Cleanup = () => Promise<void> | void;

const untilEndOfFile: Cleanup[] = [];

/** Runs `cleanup` at the end of the current test, or of the file when called outside a test. Last in, first out. */
export function defer(cleanup: Cleanup): void {
  try {
    onTestFinished(cleanup);
  } catch {
    untilEndOfFile.push(cleanup);
  }
}

/** Runs what was deferred outside tests. All of it runs, also when some fails; the first failure is thrown. */
export async function runDeferred(): Promise<void> {
  const failures: unknown[] = [];
  for (let cleanup = untilEndOfFile.pop(); cleanup !== undefined; cleanup = untilEndOfFile.pop()) {
    try {
      await cleanup();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
