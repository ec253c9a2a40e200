// An edge pulls on behalf of others, over a real relay.
import { AppError, parseStreamKey } from '@headwater/contracts';
import type { PullRequest } from '@headwater/relay';
import { RecordingHandler, RelayPair, testFrames } from '@headwater/relay/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EdgeRig, rigTimes, settle } from './testing/index.ts';

const stream = parseStreamKey('live/cam1');

let rig: EdgeRig;
let pair: RelayPair;

beforeEach(async () => {
  rig = await EdgeRig.start({ hasPeers: false, isAgent: true });
  pair = await RelayPair.start();
  pair.source.onOpen((call) => {
    rig.edge.agentFeed.open(call);
  });
});

afterEach(async () => {
  await rig.close();
  await pair.stop();
  expect(rig.clock.pendingTimers).toBe(0);
});

function pull(request: Partial<PullRequest> = {}): RecordingHandler {
  const handler = new RecordingHandler();
  pair.client.pull(pair.address, { stream, reach: 'agent', ...request }, handler);
  return handler;
}

/** The edge's own pull opens and brings these frames. */
function bring(epoch: number, from: number, to: number): void {
  rig.pulls.at(-1)?.opened({ epoch, firstSequence: from, resumed: false, state: 'live' });
  rig.pulls.at(-1)?.frames(testFrames(from, to));
}

async function got(handler: RecordingHandler, from: number, to: number): Promise<void> {
  await vi.waitFor(() => {
    // What HTTP/2 held back is looked after from time to time.
    rig.clock.advance(50);
    expect(handler.received).toEqual(testFrames(from, to));
  });
}

describe('a pull on behalf of another', () => {
  it('is made once for all who ask, and brings what the owner numbered', async () => {
    const epoch = await rig.claim();
    const handlers = [pull(), pull()];
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 40, 60);
    for (const handler of handlers) await got(handler, 50, 60);
    expect(handlers[0]?.opening).toEqual({ epoch, firstSequence: 50, resumed: false, state: 'live' });
    expect(rig.pulls).toHaveLength(1);
  });

  it('waits for a stream that is yet to come, and says where it begins though nothing has come', async () => {
    const handler = pull();
    await vi.waitFor(() => expect(rig.edge.streams.size).toBe(1));
    const epoch = await rig.claim();
    await settle();
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 7, resumed: false, state: 'interrupted' });
    await handler.until(() => handler.opening !== undefined);
    expect(handler.opening).toEqual({ epoch, firstSequence: 7, resumed: false, state: 'interrupted' });
  });

  it('is refused when the stream does not come in time', async () => {
    const handler = pull();
    await vi.waitFor(() => expect(rig.edge.streams.size).toBe(1));
    rig.clock.advance(rigTimes.waitForStreamMs);
    expect(await handler.untilOver()).toMatchObject({ code: 'stream_not_found' });
    expect(rig.edge.streams.size).toBe(0);
  });

  it('hears that nobody delivers the stream, and that somebody does again', async () => {
    const epoch = await rig.claim();
    const handler = pull();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 0, 3);
    await got(handler, 0, 3);
    rig.pulls.at(-1)?.ended('shutdown');
    await handler.until(() => handler.events.some(({ type }) => type === 'state'));
    rig.clock.advance(5_000);
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(2));
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 3, resumed: true, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(3, 5));
    await got(handler, 0, 5);
    const states = handler.events.flatMap((event) => (event.type === 'state' ? [event.state] : []));
    expect(states).toEqual(['interrupted', 'live']);
  });

  it('ends as replaced at a new epoch, which whoever comes back for it gets from the same stream', async () => {
    const epoch = await rig.claim();
    const first = pull();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 0, 3);
    await got(first, 0, 3);
    const edgeStream = rig.edge.streams.get(stream);
    bring(epoch + 1, 0, 2);
    expect(await first.untilOver()).toBe('replaced');
    const second = pull({ minEpoch: epoch, resume: { epoch, sequence: 3 } });
    await got(second, 0, 2);
    expect(second.opening).toMatchObject({ epoch: epoch + 1, resumed: false });
    expect(rig.edge.streams.get(stream)).toBe(edgeStream);
  });

  it('goes on after its last frame when it was cut', async () => {
    const epoch = await rig.claim();
    pull();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 40, 60);
    const again = pull({ minEpoch: epoch, resume: { epoch, sequence: 55 } });
    await got(again, 55, 60);
    expect(again.opening).toMatchObject({ firstSequence: 55, resumed: true });
  });

  it('ends as the owner says, and serves on while the node drains', async () => {
    const epoch = await rig.claim();
    rig.edge.drain();
    const handler = pull();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 0, 3);
    await got(handler, 0, 3);
    rig.pulls.at(-1)?.ended('unpublished');
    expect(await handler.untilOver()).toBe('unpublished');
  });

  it('is refused as stale where another epoch was seen, and after the end', async () => {
    const epoch = await rig.claim();
    pull();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 0, 3);
    expect(await pull({ minEpoch: epoch + 1 }).untilOver()).toMatchObject({ code: 'epoch_stale' });
    rig.edge.close();
    expect(await pull().untilOver()).toMatchObject({ code: 'draining' });
  });
});

describe('an edge with an agent', () => {
  const context = { sessionId: '1', protocol: 'http-flv', remoteAddress: '192.0.2.1' } as const;
  const request = { app: 'live', name: 'cam1', params: new Map<string, string>(), context };
  const node = { nodeId: 'agent-1', incarnation: 'run-1' };
  let client: EdgeRig;
  let taken: number;
  let refusal: AppError | undefined;

  beforeEach(async () => {
    taken = 0;
    refusal = undefined;
    const take = async (): Promise<{ release(): void }> => {
      if (refusal !== undefined) throw refusal;
      taken++;
      return Promise.resolve({ release: () => taken-- });
    };
    client = await EdgeRig.start({
      agent: { node, address: pair.address, hasLive: async (key) => rig.edge.hasLive(key) },
      relay: pair.client,
      seats: { take },
    });
  });

  afterEach(async () => {
    await client.close();
    expect(taken).toBe(0);
  });

  const admit = async (): Promise<unknown> =>
    client.edge.admit({ ...request, signal: new AbortController().signal });

  it('has viewers of what the agent pulls, each in a seat', async () => {
    const waiting = admit();
    const epoch = await rig.claim();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    bring(epoch, 0, 3);
    await waiting;
    expect([client.edge.viewers.size, taken]).toEqual([1, 1]);
    expect(client.edge.streams.get(stream)?.epoch).toBe(epoch);
    rig.pulls.at(-1)?.ended('unpublished');
    await vi.waitFor(() => expect([client.edge.viewers.size, taken]).toEqual([0, 0]));
  });

  it('refuses at once what the agent refuses', async () => {
    rig.edge.close();
    await expect(admit()).rejects.toMatchObject({ code: 'draining' });
    expect(client.edge.streams.size).toBe(0);
  });

  it('asks the agent what is live, and pulls nothing for that', async () => {
    const check = async (): Promise<void> =>
      client.edge.check({ ...request, signal: new AbortController().signal });
    await expect(check()).rejects.toMatchObject({ code: 'stream_not_found' });
    await rig.claim();
    await check();
    expect(rig.pulls).toHaveLength(0);
  });

  it('refuses who gets no seat', async () => {
    refusal = new AppError('limit_reached', { details: { limit: 'viewers', is: 2, max: 2 } });
    await expect(admit()).rejects.toBe(refusal);
    expect(client.counted.get('headwater_play_overload_refusals_total')).toBe(1);
    expect(client.edge.streams.size).toBe(0);
  });
});
