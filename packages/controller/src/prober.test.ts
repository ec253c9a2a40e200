import { AppError } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { expect, it } from 'vitest';
import { RelayProber } from './prober.ts';

const node = { nodeId: 'o1', incarnation: 'run 1' };

it.each([
  ['answered', { nodeId: 'o1', incarnation: 'run 1' }],
  ['replaced', { nodeId: 'o1', incarnation: 'run 2' }],
  ['replaced', { nodeId: 'o2', incarnation: 'run 1' }],
])('is %s when %j answers', async (outcome, by) => {
  const relay = { probe: async () => Promise.resolve({ ...by, isDraining: false }) };
  const prober = new RelayProber({ relay, clock: new ManualClock() });
  expect((await prober.probe(node, 'o1:1')).outcome).toBe(outcome);
});

it('is refused when it fails before its deadline, and silent when at it', async () => {
  const clock = new ManualClock();
  const unavailable = new AppError('upstream_unavailable');
  const relay = {
    probe: async (address: string, timeoutMs: number) =>
      new Promise<never>((_resolve, reject) => {
        clock.after(address === 'mute:1' ? timeoutMs : 5, () => {
          reject(unavailable);
        });
      }),
  };
  const prober = new RelayProber({ relay, clock, timeoutMs: 700 });
  const refused = prober.probe(node, 'o1:1');
  const silent = prober.probe(node, 'mute:1');
  clock.advance(5);
  expect(await refused).toEqual({ outcome: 'refused', startedMs: 0, endedMs: 5 });
  clock.advance(695);
  expect(await silent).toEqual({ outcome: 'silent', startedMs: 0, endedMs: 700 });
});
