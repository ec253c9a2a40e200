import { ManualClock } from '@headwater/contracts/testing';
import { expect, it } from 'vitest';
import { MemoryLeaderLease } from './leader-lease-memory.ts';
import { leaderLeaseConformance } from './testing/index.ts';

leaderLeaseConformance('MemoryLeaderLease', async () => {
  const clock = new ManualClock();
  const lease = new MemoryLeaderLease({ clock });
  return Promise.resolve({
    lease: () => lease,
    advance: async (byMs: number) => {
      clock.advance(byMs);
      return Promise.resolve();
    },
    close: async () => lease.close(),
  });
});

it('derives tokens from the wall clock, so that they go on growing when the memory is lost', async () => {
  const before = await new MemoryLeaderLease({ clock: new ManualClock(1_000) }).claim('a');
  const after = await new MemoryLeaderLease({ clock: new ManualClock(2_000) }).claim('a');
  expect([before, after]).toEqual([
    { outcome: 'granted', token: 1_000 },
    { outcome: 'granted', token: 2_000 },
  ]);
});
