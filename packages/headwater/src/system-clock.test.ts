import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SystemClock } from './system-clock.ts';

describe('SystemClock', () => {
  it('runs a timer once, and not after it was cancelled', async () => {
    const clock = new SystemClock();
    const runs: string[] = [];
    clock.after(1, () => runs.push('cancelled')).cancel();
    await new Promise<void>((resolve) => {
      clock.after(2, () => {
        runs.push('run');
        resolve();
      });
      // Its own timers do not keep the process alive.
      setTimeout(() => undefined, 50);
    });
    expect(runs).toEqual(['run']);
  });

  it('lets the process end while timers are pending', () => {
    const module = fileURLToPath(new URL('./system-clock.ts', import.meta.url));
    const script = `import { SystemClock } from ${JSON.stringify(module)};
      const clock = new SystemClock();
      clock.every(1000, () => undefined);
      clock.after(Number.MAX_SAFE_INTEGER, () => undefined);
      process.stdout.write('end');`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })).toBe('end');
  });
});
