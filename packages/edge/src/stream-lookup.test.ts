import { AppError, silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { StreamRecord } from '@headwater/cluster';
import { beforeEach, expect, it } from 'vitest';
import { StreamLookup } from './stream-lookup.ts';
import { testRecord } from './testing/index.ts';

const { stream } = testRecord(1);

let clock: ManualClock;
let lookup: StreamLookup;
let answer: () => Promise<StreamRecord | undefined>;
let remembered: number;

beforeEach(() => {
  clock = new ManualClock();
  remembered = 0;
  lookup = new StreamLookup({
    registry: { stream: async () => answer() },
    clock,
    logger: silentLogger,
    remembered: () => remembered++,
  });
});

const fails = async (): Promise<never> => Promise.reject(new AppError('registry_unavailable'));
const never = async (): Promise<never> => new Promise(() => undefined);

it('what the registry says is what counts, and nothing is left to wait for', async () => {
  answer = async () => Promise.resolve(testRecord(5));
  expect(await lookup.find(stream)).toEqual(testRecord(5));
  answer = async () => Promise.resolve(undefined);
  expect(await lookup.find(stream)).toBeUndefined();
  expect([remembered, clock.pendingTimers]).toEqual([0, 0]);
});

it('while the registry fails, the last answer stands', async () => {
  answer = fails;
  expect(await lookup.find(stream)).toBeUndefined();
  answer = async () => Promise.resolve(testRecord(5));
  await lookup.find(stream);
  answer = fails;
  expect(await lookup.find(stream)).toEqual(testRecord(5));
  expect(remembered).toBe(2);
});

it('a registry that does not answer in time is one that fails', async () => {
  lookup.note({ type: 'stream_claimed', record: testRecord(6) });
  answer = never;
  const finding = lookup.find(stream);
  clock.advance(1_500);
  expect(await finding).toEqual(testRecord(6));
});

it('news count as answers do, and those of an older epoch do not', async () => {
  answer = fails;
  lookup.note({ type: 'stream_claimed', record: testRecord(6) });
  lookup.note({ type: 'stream_updated', record: testRecord(5) });
  expect(await lookup.find(stream)).toEqual(testRecord(6));
  lookup.note({ type: 'stream_ended', record: testRecord(6, { state: 'ended' }) });
  expect(await lookup.find(stream)).toBeUndefined();
});

it('a registry that has forgotten begins anew, lower, and its answer counts', async () => {
  lookup.note({ type: 'stream_claimed', record: testRecord(6) });
  answer = async () => Promise.resolve(testRecord(5));
  expect(await lookup.find(stream)).toEqual(testRecord(5));
  answer = fails;
  expect(await lookup.find(stream)).toEqual(testRecord(5));
});

it('an answer that is older than the news that came meanwhile is none, and neither is the end of an older epoch', async () => {
  answer = async () => {
    lookup.note({ type: 'stream_claimed', record: testRecord(6) });
    return Promise.resolve(testRecord(5));
  };
  expect(await lookup.find(stream)).toEqual(testRecord(6));
  answer = fails;
  lookup.note({ type: 'stream_ended', record: testRecord(5, { state: 'ended' }) });
  expect(await lookup.find(stream)).toEqual(testRecord(6));
  answer = async () => Promise.resolve(testRecord(7));
  expect(await lookup.find(stream)).toEqual(testRecord(7));
});

it('remembers ten thousand streams, the newest', async () => {
  answer = fails;
  const record = (index: number): StreamRecord => ({
    ...testRecord(1),
    stream: `live/cam${String(index)}` as typeof stream,
  });
  for (let index = 0; index <= 10_000; index++) {
    lookup.note({ type: 'stream_claimed', record: record(index) });
  }
  expect(await lookup.find(record(0).stream)).toBeUndefined();
  expect(await lookup.find(record(1).stream)).toEqual(record(1));
  expect(await lookup.find(record(10_000).stream)).toEqual(record(10_000));
});

it('closing gives up what is being waited for', async () => {
  answer = never;
  const finding = lookup.find(stream);
  lookup.close();
  expect(await finding).toBeUndefined();
  expect(clock.pendingTimers).toBe(0);
});
