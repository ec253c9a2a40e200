import { expect, it } from 'vitest';
import { StopSignals } from './stop-signals.ts';

it('resolves at the first signal, calls at the second, and hears none once closed', async () => {
  let again = 0;
  const before = process.listenerCount('SIGTERM');
  const signals = new StopSignals(() => (again += 1));
  process.emit('SIGTERM', 'SIGTERM');
  expect(await signals.first).toBe('SIGTERM');
  expect(again).toBe(0);
  process.emit('SIGINT', 'SIGINT');
  expect(again).toBe(1);
  signals.close();
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
