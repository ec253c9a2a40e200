import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry } from './memory-stream-registry.ts';
import { jobConformance, type JobHarness } from './testing/index.ts';

jobConformance('MemoryStreamRegistry', async (): Promise<JobHarness> => {
  const clock = new ManualClock();
  const registry = new MemoryStreamRegistry({ clock, leaseMs: 4_000 });
  return Promise.resolve({
    leaseMs: 4_000,
    registry: () => registry,
    advance: async (byMs: number) => {
      clock.advance(byMs);
      return Promise.resolve();
    },
    loseEverything: async () => {
      registry.restore();
      return Promise.resolve();
    },
    checkpoint: async () => {
      const saved = registry.save();
      return Promise.resolve(async () => {
        registry.restore(saved);
        return Promise.resolve();
      });
    },
    close: async () => registry.close(),
  });
});
