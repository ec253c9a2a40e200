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

const unavailable = (answer?: string): AppError =>
  new AppError('upstream_unavailable', { details: { address: 'o1:1', status: 'UNAVAILABLE', answer } });

it.each([
  ['refused', unavailable('No connection established. Last error: Error: connect ECONNREFUSED 192.0.2.1:1.')],
  ['refused', unavailable('No connection established. Last error: read ECONNRESET')],
  ['silent', unavailable('Name resolution failed for target dns:o1:1')],
  ['silent', unavailable('No connection established. Last error: Error: connect EHOSTUNREACH 192.0.2.1:1.')],
  ['silent', unavailable('No connection established. Last error: Error: connect ENETUNREACH 192.0.2.1:1.')],
  ['silent', unavailable()],
  ['silent', new AppError('role_missing', { details: { answer: 'Received HTTP status code 404' } })],
  ['silent', new Error('connect ECONNREFUSED 192.0.2.1:1')],
])('is %s when it fails by "%s"', async (outcome, error) => {
  const prober = new RelayProber({
    relay: { probe: async () => Promise.reject(error) },
    clock: new ManualClock(),
  });
  expect((await prober.probe(node, 'o1:1')).outcome).toBe(outcome);
});

it('is silent at its deadline, and says when it began and ended', async () => {
  const clock = new ManualClock();
  const relay = {
    probe: async (_address: string, timeoutMs: number) =>
      new Promise<never>((_resolve, reject) => {
        clock.after(timeoutMs, () => {
          reject(unavailable());
        });
      }),
  };
  const prober = new RelayProber({ relay, clock, timeoutMs: 700 });
  const silent = prober.probe(node, 'mute:1');
  clock.advance(700);
  expect(await silent).toEqual({ outcome: 'silent', startedMs: 0, endedMs: 700 });
});
