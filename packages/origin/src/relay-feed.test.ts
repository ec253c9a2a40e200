import { parseStreamKey, type AppError, type CloseReason, type MetricLabels } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { RecordingSink, testFrames } from '@headwater/media/testing';
import type { PullCall, PullRequest } from '@headwater/relay';
import { beforeEach, describe, expect, it } from 'vitest';
import { ExpectedStreams } from './expected-streams.ts';
import { OriginStream } from './origin-stream.ts';
import { RelayFeed } from './relay-feed.ts';

const key = parseStreamKey('live/cam1');

/** A pull without a connection. */
class TestCall implements PullCall {
  readonly request: PullRequest;
  readonly peer = '192.0.2.1:1';
  readonly sink = new RecordingSink();
  readonly heard: string[] = [];
  isClosed = false;
  refusedWith: AppError | undefined;
  readonly #closed: (() => void)[] = [];

  constructor(minEpoch = 0) {
    this.request = { stream: key, nodeId: 'edge-1', minEpoch };
  }

  opened(): void {
    this.heard.push('opened');
  }

  state(state: string): void {
    this.heard.push(state);
  }

  ended(reason: CloseReason): void {
    this.heard.push(reason);
    this.close();
  }

  refuse(error: AppError): void {
    this.refusedWith = error;
    this.close();
  }

  onClosed(run: () => void): void {
    if (this.isClosed) run();
    else this.#closed.push(run);
  }

  close(): void {
    this.isClosed = true;
    for (const run of this.#closed.splice(0)) run();
  }
}

let clock: ManualClock;
let stream: OriginStream;
let dropped: number[];
let early: [number, MetricLabels | undefined][];
let feed: RelayFeed;
let expected: ExpectedStreams;

beforeEach(() => {
  clock = new ManualClock();
  stream = new OriginStream({
    key,
    epoch: 5,
    credential: undefined,
    clock,
    ring: {},
    holdMs: 15_000,
    changed: () => undefined,
    codecsChanged: () => undefined,
  });
  dropped = [];
  early = [];
  expected = new ExpectedStreams(clock, { add: (pulls, labels) => early.push([pulls, labels]) });
  const count = { add: (frames: number) => dropped.push(frames) };
  feed = new RelayFeed((wanted) => (wanted === key ? stream : undefined), count, expected);
});

function send(seconds: number, startTimestampMs: number): number {
  const frames = testFrames({ seconds, gopSeconds: 1, startTimestampMs });
  let atMs = startTimestampMs;
  for (const { kind, timestampMs, payload } of frames) {
    clock.advance(Math.max(0, timestampMs - atMs));
    atMs = Math.max(atMs, timestampMs);
    stream.push(kind, timestampMs, payload);
  }
  return frames.length;
}

it('a pull that lies too far behind misses frames, which are counted once when it ends', () => {
  const call = new TestCall();
  feed.open(call);
  send(1, 0);
  call.sink.isBlocked = true;
  const sent = send(8, 1_000);
  call.sink.drain();
  send(2, 9_000);
  expect(dropped).toEqual([]);
  stream.end('unpublished');
  expect(call.heard).toEqual(['opened', 'unpublished']);
  expect(dropped).toHaveLength(1);
  expect(dropped[0]).toBeGreaterThan(sent / 2);
});

it('a pull is forgotten whether it closes or its stream ends', () => {
  const [closing, ending] = [new TestCall(), new TestCall()];
  feed.open(closing);
  feed.open(ending);
  send(1, 0);
  expect(feed.pullsOf(stream)).toBe(2);
  closing.close();
  expect(feed.pullsOf(stream)).toBe(1);
  stream.interrupt();
  feed.stateChanged(stream);
  expect(ending.heard).toEqual(['opened', 'interrupted']);
  stream.end('kicked');
  expect(feed.pullsOf(stream)).toBe(0);
  expect(dropped).toEqual([0, 0]);
});

describe('a pull of an epoch that the registry has given to this node', () => {
  it('waits for it no longer than the answer to a claim may take, and is then refused', () => {
    expected.expect(key);
    const call = new TestCall(6);
    feed.open(call);
    clock.advance(79);
    expected.expect(key);
    expect(call.refusedWith).toBeUndefined();
    clock.advance(1);
    expect(call.refusedWith?.code).toBe('epoch_stale');
    expect(early).toEqual([[1, { outcome: 'late' }]]);
    const late = new TestCall(6);
    feed.open(late);
    expect(late.refusedWith?.code).toBe('epoch_stale');
  });

  it('does not hold up one of the epoch before', () => {
    expected.expect(key);
    const call = new TestCall(5);
    feed.open(call);
    expect(call.heard).toEqual(['opened']);
    expected.settle(key);
    expect(early).toEqual([]);
  });

  it('is answered when it has come, and counted', () => {
    expected.expect(key);
    const calls = [new TestCall(6), new TestCall(6)];
    for (const call of calls) feed.open(call);
    expected.settle(key);
    expect(calls.map((call) => call.refusedWith?.code)).toEqual(['epoch_stale', 'epoch_stale']);
    expect(early).toEqual([[2, { outcome: 'served' }]]);
  });

  it('is answered no more once its puller has gone', () => {
    expected.expect(key);
    const call = new TestCall(6);
    feed.open(call);
    call.close();
    expected.close();
    expect(call.refusedWith).toBeUndefined();
  });
});
