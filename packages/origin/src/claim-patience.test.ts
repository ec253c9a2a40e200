import { parseStreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { ClaimResult, RegistryEvent, StreamRecord } from '@headwater/cluster';
import { beforeEach, expect, it } from 'vitest';
import { claimWithPatience } from './claim-patience.ts';
import { StreamChanges } from './stream-changes.ts';

const record: StreamRecord = {
  stream: parseStreamKey('live/a'),
  owner: { nodeId: 'origin-1', incarnation: 'run-1' },
  relayAddress: '192.0.2.1:50051',
  epoch: 7,
  state: 'live',
  codecs: [],
  sinceMs: 0,
};
const refused: ClaimResult = { outcome: 'refused', current: record };
const claimed: ClaimResult = { outcome: 'claimed', record: { ...record, epoch: 8 } };

let clock: ManualClock;
let answers: ClaimResult[];
let claims: number;
let isOwnerThere: boolean;
let isWanted: boolean;
let listeners: Set<(event: RegistryEvent) => void>;
let changes: StreamChanges;

beforeEach(() => {
  clock = new ManualClock();
  answers = [];
  claims = 0;
  isOwnerThere = false;
  isWanted = true;
  listeners = new Set();
  const watch = (listener: (event: RegistryEvent) => void): { close: () => void } => {
    listeners.add(listener);
    return { close: () => void listeners.delete(listener) };
  };
  changes = new StreamChanges({ watch }, clock);
});

function tell(changed: StreamRecord): void {
  for (const listener of listeners) listener({ type: 'stream_updated', record: changed });
}

async function run(): Promise<ClaimResult> {
  const change = changes.follow(record.stream);
  const claiming = claimWithPatience(
    () => {
      claims++;
      return Promise.resolve(answers.shift() ?? refused);
    },
    () => isWanted,
    { clock, change, patienceMs: 5_000, probeOwner: () => Promise.resolve(isOwnerThere) },
  );
  const done = { is: false };
  void claiming.finally(() => {
    done.is = true;
    change.close();
  });
  for (let passed = 0; !done.is && passed < 20_000; passed += 50) {
    clock.advance(50);
    await new Promise(setImmediate);
  }
  return claiming;
}

it('asks once when the stream is free', async () => {
  answers = [claimed];
  expect(await run()).toBe(claimed);
  expect(claims).toBe(1);
});

it('refuses at once when the owner answers', async () => {
  isOwnerThere = true;
  expect(await run()).toBe(refused);
  expect(claims).toBe(1);
});

it('claims again while the owner does not answer, until it is free', async () => {
  answers = [refused, refused, refused, claimed];
  expect(await run()).toBe(claimed);
  expect(claims).toBe(4);
});

it('gives up after its patience, having asked a bounded number of times', async () => {
  expect(await run()).toBe(refused);
  expect(clock.nowMs()).toBeLessThan(6_000);
  expect(claims).toBeLessThanOrEqual(12);
});

it('asks no more once the publisher has gone', async () => {
  isWanted = false;
  expect(await run()).toBe(refused);
  expect(claims).toBe(1);
});

it('claims again as soon as the registry says something new of the stream, and of no other', async () => {
  answers = [refused];
  const claiming = run();
  answers.push(claimed);
  await new Promise(setImmediate);
  const other = parseStreamKey('live/b');
  tell({ ...record, stream: other });
  await new Promise(setImmediate);
  const before = claims;
  tell({ ...record, state: 'orphaned' });
  expect(await claiming).toBe(claimed);
  expect(before).toBe(1);
  expect(clock.nowMs()).toBeLessThan(500);
});

it('follows the registry only while somebody waits', async () => {
  const [first, second] = [changes.follow(record.stream), changes.follow(parseStreamKey('live/b'))];
  expect(listeners.size).toBe(1);
  tell(record);
  await first.next(1_000);
  first.close();
  first.close();
  expect(listeners.size).toBe(1);
  second.close();
  expect(listeners.size).toBe(0);
});
