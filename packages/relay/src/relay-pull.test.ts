// Pulls over real loopback sockets, and within one process: what comes, in which order, and how it ends.
import { streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { memoryUnder } from '@headwater/media/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenedInfo } from './pull.ts';
import { relayFormat } from './relay-format.ts';
import type { PullCall } from './relay-source.ts';
import {
  CuttableProxy,
  RawPuller,
  RecordingHandler,
  RelayPair,
  testFrames,
  type RelayPairOptions,
} from './testing/index.ts';

const stream = streamKey('live', 'cam1');
const epoch = 1_700_000_000_000;
const format = relayFormat(epoch);
const live: OpenedInfo = { epoch, firstSequence: 0, resumed: false, state: 'live' };

const cleanups: (() => Promise<void> | void)[] = [];
let pair: RelayPair;

const ways = [
  { way: 'over a connection', isLocal: false },
  { way: 'within a process', isLocal: true },
] as const;

async function startPair(options?: RelayPairOptions): Promise<RelayPair> {
  const started = await RelayPair.start(options);
  cleanups.push(async () => started.stop());
  return started;
}

beforeEach(async () => {
  pair = await startPair();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each(ways)('a pull $way', ({ isLocal }) => {
  beforeEach(async () => {
    pair = await startPair({ isLocal });
  });

  it('brings the opening, all frames in order, states and the end', async () => {
    pair.source.onOpen((call) => {
      expect(call.request).toEqual({ stream, nodeId: 'edge-1', minEpoch: 7 });
      call.opened({ ...live, firstSequence: 3 });
      call.sink.write(format.encode(testFrames(3, 10)));
      call.state('interrupted');
      call.sink.write(format.encode(testFrames(10, 11)));
      call.ended('unpublished');
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream, minEpoch: 7 }, handler);
    expect(handler.events).toEqual([]);
    expect(await handler.untilOver()).toBe('unpublished');
    expect(handler.received).toEqual(testFrames(3, 11));
    expect(handler.events.map((event) => event.type)).toEqual([
      'opened',
      'frames',
      'state',
      'frames',
      'ended',
    ]);
    expect(handler.opening).toEqual({ ...live, firstSequence: 3 });
    await vi.waitUntil(() => pair.server.pulls === 0);
  });

  it('says that a peer may answer it, where it may', async () => {
    const next = pair.source.nextCall();
    pair.client.pull(pair.address, { stream, reach: 'peer' }, new RecordingHandler());
    expect((await next).request).toEqual({ stream, nodeId: 'edge-1', reach: 'peer' });
  });

  it('gets a GOP of 16 MiB, in messages that stay below the limit', async () => {
    pair.source.onOpen((call) => {
      call.opened(live);
      call.sink.write(format.encode([...testFrames(0, 150, 100_000), ...testFrames(150, 151, 1_777_216)]));
      call.ended('unpublished');
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler);
    await handler.untilOver();
    expect(handler.received.map(({ sequence, payload }) => [sequence, payload.length])).toEqual(
      [...testFrames(0, 150, 100_000), ...testFrames(150, 151, 1_777_216)].map(({ sequence, payload }) => [
        sequence,
        payload.length,
      ]),
    );
    expect(handler.events.length).toBeGreaterThan(10);
  });

  it('gives small frames that keep little else alive', async () => {
    pair.source.onOpen((call) => {
      call.opened(live);
      for (const frame of testFrames(0, 60, 200)) call.sink.write(format.encode([frame]));
      call.ended('unpublished');
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler);
    await handler.untilOver();
    expect(handler.received).toHaveLength(60);
    for (const { payload } of handler.received) expect(memoryUnder([payload])).toBeLessThan(500);
  });

  it('needs a connection only over one', async () => {
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler);
    await handler.until(() => handler.opening !== undefined);
    expect(pair.client.connections).toBe(isLocal ? 0 : 1);
  });
});

describe('a connection', () => {
  it('is shared by the pulls of one address, and closes when idle', async () => {
    const clock = new ManualClock();
    pair = await startPair({ clientClock: clock });
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const handlers = [new RecordingHandler(), new RecordingHandler()];
    const pulls = handlers.map((handler) => pair.client.pull(pair.address, { stream }, handler));
    for (const handler of handlers) await handler.until(() => handler.opening !== undefined);
    expect(pair.client.connections).toBe(1);
    expect(new Set(pair.source.calls.map((call) => call.peer)).size).toBe(1);
    for (const pull of pulls) pull.close();
    expect(pair.client.connections).toBe(1);
    clock.advance(10_000);
    expect(pair.client.connections).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe.each(ways)('the end of a pull $way', ({ isLocal }) => {
  beforeEach(async () => {
    pair = await startPair({ isLocal });
  });

  it('by its puller tells the source and calls the handler no more', async () => {
    const handler = new RecordingHandler();
    const next = pair.source.nextCall();
    const pull = pair.client.pull(pair.address, { stream }, handler);
    const call = await next;
    call.opened(live);
    await handler.until(() => handler.opening !== undefined);
    const heard = handler.events.length;
    pull.close();
    pull.close();
    call.sink.write(format.encode(testFrames(0, 10)));
    await new Promise<void>((resolve) => {
      call.onClosed(resolve);
    });
    expect(call.isClosed).toBe(true);
    expect(call.sink.pendingBytes).toBe(0);
    call.sink.write(format.encode(testFrames(10, 20)));
    call.ended('unpublished');
    await vi.waitUntil(() => pair.server.pulls === 0);
    expect(handler.events).toHaveLength(heard);
  });

  it('before it was opened is as quiet', async () => {
    const handler = new RecordingHandler();
    const next = pair.source.nextCall();
    const pull = pair.client.pull(pair.address, { stream }, handler);
    const call = await next;
    pull.close();
    await vi.waitUntil(() => pair.server.pulls === 0);
    call.opened(live);
    expect(call.isClosed).toBe(true);
    expect(handler.events).toEqual([]);
  });

  it('at once leaves nothing behind', async () => {
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler).close();
    const later = new RecordingHandler();
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const pull = pair.client.pull(pair.address, { stream }, later);
    await later.until(() => later.opening !== undefined);
    pull.close();
    await vi.waitUntil(() => pair.server.pulls === 0);
    expect(handler.events).toEqual([]);
  });

  it('by closing the client ends all its pulls', async () => {
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const handlers = [new RecordingHandler(), new RecordingHandler()];
    for (const handler of handlers) pair.client.pull(pair.address, { stream }, handler);
    for (const handler of handlers) await handler.until(() => handler.opening !== undefined);
    pair.client.close();
    await vi.waitUntil(() => pair.server.pulls === 0);
    expect(handlers.flatMap((handler) => handler.events.map((event) => event.type))).toEqual([
      'opened',
      'opened',
    ]);
  });

  it('by stopping the server is told as draining, and later pulls are in vain', async () => {
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler);
    await handler.until(() => handler.opening !== undefined);
    await pair.server.stop(5_000);
    expect(await handler.untilOver()).toMatchObject({ code: 'draining' });
    const late = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, late);
    expect(await late.untilOver()).toMatchObject({ code: isLocal ? 'draining' : 'upstream_unavailable' });
  });

  it('comes as failed when the call ends before its opening', async () => {
    pair.source.onOpen((call) => {
      call.ended('unpublished');
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler);
    expect(await handler.untilOver()).toMatchObject({ code: 'stream_not_found' });
  });
});

describe('stopping the server', () => {
  it('is forced after the grace when a puller does not read', async () => {
    const clock = new ManualClock();
    pair = await startPair({ serverClock: clock });
    const next = pair.source.nextCall();
    const puller = new RawPuller(pair.address);
    cleanups.push(() => {
      puller.close();
    });
    const call = await next;
    call.opened(live);
    call.sink.write(format.encode(testFrames(0, 100, 10_000)));
    const stopped = pair.server.stop(5_000);
    clock.advance(5_000);
    await stopped;
    await vi.waitUntil(() => pair.server.pulls === 0);
  });
});

describe('resuming', () => {
  it('after a cut connection loses nothing and brings nothing twice', async () => {
    const proxy = await CuttableProxy.start(pair.address);
    cleanups.push(async () => proxy.stop());
    const total = 400;
    let published = 0;
    const calls = new Set<PullCall>();
    pair.source.onOpen((call) => {
      const { resume } = call.request;
      const isResumed = resume?.epoch === epoch;
      const firstSequence = isResumed ? resume.sequence : 0;
      call.opened({ ...live, firstSequence, resumed: isResumed });
      if (published > firstSequence) call.sink.write(format.encode(testFrames(firstSequence, published)));
      calls.add(call);
      call.onClosed(() => calls.delete(call));
    });
    const publish = setInterval(() => {
      if (published === total) return;
      const batch = format.encode(testFrames(published, published + 4, 2_000));
      published += 4;
      for (const call of calls) call.sink.write(batch);
      if (published % 100 === 0) proxy.cut();
    }, 2);
    cleanups.push(() => {
      clearInterval(publish);
    });
    const got: number[] = [];
    let reconnects = 0;
    while (got.length < total) {
      const handler = new RecordingHandler();
      const resume = { epoch, sequence: (got.at(-1) ?? -1) + 1 };
      const pull = pair.client.pull(
        proxy.address,
        { stream, ...(got.length > 0 ? { resume } : {}) },
        handler,
      );
      await handler.until(
        () => handler.result !== undefined || got.length + handler.received.length >= total,
      );
      got.push(...handler.received.map(({ sequence }) => sequence));
      if (got.length < total) reconnects++;
      pull.close();
    }
    expect(got).toEqual(Array.from({ length: total }, (_, index) => index));
    expect(reconnects).toBeGreaterThan(0);
  });
});

describe('a slow puller', () => {
  it('costs bounded memory and does not hold up a fast one', async () => {
    const slowNext = pair.source.nextCall();
    const slow = new RawPuller(pair.address);
    cleanups.push(() => {
      slow.close();
    });
    const slowCall = await slowNext;
    const handler = new RecordingHandler();
    const next = pair.source.nextCall();
    pair.client.pull(pair.address, { stream }, handler);
    const fastCall = await next;
    slowCall.opened(live);
    fastCall.opened(live);
    let skipped = 0;
    for (let sequence = 0; sequence < 300; sequence++) {
      const batch = format.encode(testFrames(sequence, sequence + 1, 50_000));
      if (slowCall.sink.pendingBytes === 0) slowCall.sink.write(batch);
      else skipped++;
      fastCall.sink.write(batch);
      await handler.until(() => handler.received.length > sequence);
    }
    expect(skipped).toBeGreaterThan(250);
    expect(slowCall.sink.pendingBytes).toBeGreaterThan(0);
    expect(slowCall.sink.pendingBytes).toBeLessThan(100_000);
    expect(handler.received).toHaveLength(300);
  });

  it('whose source does not look at its pending bytes is ended', async () => {
    pair = await startPair({ serverLimits: { maxPendingBytes: 1024 * 1024 } });
    const next = pair.source.nextCall();
    const slow = new RawPuller(pair.address);
    cleanups.push(() => {
      slow.close();
    });
    const call = await next;
    call.opened(live);
    for (let sequence = 0; !call.isClosed && sequence < 100; sequence++) {
      call.sink.write(format.encode(testFrames(sequence, sequence + 1, 100_000)));
    }
    expect(call.isClosed).toBe(true);
  });
});
