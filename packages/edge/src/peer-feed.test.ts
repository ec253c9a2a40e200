// An edge serves its peers, over a real relay.
import { parseStreamKey } from '@headwater/contracts';
import { testNode } from '@headwater/cluster/testing';
import type { PullRequest } from '@headwater/relay';
import { RecordingHandler, RelayPair, testFrames } from '@headwater/relay/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EdgeRig, rigTimes, settle } from './testing/index.ts';

const stream = parseStreamKey('live/cam1');

let rig: EdgeRig;
let pair: RelayPair;
let epoch: number;

beforeEach(async () => {
  rig = await EdgeRig.start();
  pair = await RelayPair.start();
  pair.source.onOpen((call) => {
    rig.edge.peerFeed.open(call);
  });
});

afterEach(async () => {
  await rig.close();
  await pair.stop();
  expect(rig.clock.pendingTimers).toBe(0);
});

function pull(request: Partial<PullRequest> = {}): RecordingHandler {
  const handler = new RecordingHandler();
  pair.client.pull(pair.address, { stream, reach: 'peer', ...request }, handler);
  return handler;
}

async function refusalOf(request: Partial<PullRequest> = {}): Promise<unknown> {
  return pull(request).untilOver();
}

/** A viewer watches, and the stream comes from its owner with these frames. */
async function watch(from: number, to: number): Promise<void> {
  const context = { sessionId: '1', protocol: 'http-flv', remoteAddress: '192.0.2.1' } as const;
  const { signal } = new AbortController();
  const waiting = rig.edge.admit({ app: 'live', name: 'cam1', params: new Map(), context, signal });
  await settle();
  epoch = await rig.claim();
  rig.pulls.at(-1)?.opened({ epoch, firstSequence: from, resumed: false, state: 'live' });
  rig.pulls.at(-1)?.frames(testFrames(from, to));
  await waiting;
}

describe('a peer', () => {
  it('gets the newest group of pictures and all that follows, as the owner numbered it', async () => {
    await watch(40, 60);
    const handler = pull();
    await handler.until(() => handler.received.length === 10);
    expect(handler.opening).toEqual({ epoch, firstSequence: 50, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(60, 62));
    await vi.waitFor(() => {
      // What HTTP/2 held back is looked after from time to time.
      rig.clock.advance(50);
      expect(handler.received).toEqual(testFrames(50, 62));
    });
  });

  it('goes on after its last frame while that is there', async () => {
    await watch(40, 60);
    const handler = pull({ minEpoch: epoch, resume: { epoch, sequence: 55 } });
    await handler.until(() => handler.received.length === 5);
    expect(handler.opening).toMatchObject({ firstSequence: 55, resumed: true });
    expect(handler.received).toEqual(testFrames(55, 60));
  });

  it('hears that the publisher is away, and how the stream ends', async () => {
    await watch(0, 3);
    const handler = pull();
    await handler.until(() => handler.received.length === 3);
    rig.pulls.at(-1)?.state('interrupted');
    rig.pulls.at(-1)?.ended('unpublished');
    expect(await handler.untilOver()).toBe('unpublished');
    expect(handler.events).toContainEqual({ type: 'state', state: 'interrupted' });
  });

  it('hears that a newer epoch follows', async () => {
    await watch(0, 3);
    const handler = pull();
    await handler.until(() => handler.received.length === 3);
    rig.pulls.at(-1)?.opened({ epoch: epoch + 1, firstSequence: 0, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(0, 1));
    expect(await handler.untilOver()).toBe('replaced');
  });
});

describe('a peer is refused', () => {
  const notFound = { code: 'stream_not_found' };

  it('where nobody watches the stream: it begins no pull', async () => {
    await rig.claim();
    expect(await refusalOf()).toMatchObject(notFound);
    expect(rig.pulls).toHaveLength(0);
    expect(rig.edge.streams.size).toBe(0);
  });

  it('where the publisher is away, or the upstream is lost', async () => {
    await watch(0, 3);
    rig.pulls.at(-1)?.state('interrupted');
    expect(await refusalOf()).toMatchObject(notFound);
    rig.pulls.at(-1)?.ended('shutdown');
    expect(await refusalOf()).toMatchObject(notFound);
  });

  it('where a newer epoch was seen elsewhere', async () => {
    await watch(0, 3);
    expect(await refusalOf({ minEpoch: epoch + 1 })).toMatchObject({ code: 'epoch_stale' });
  });

  it('where it asked for what the node owns', async () => {
    await watch(0, 3);
    expect(await refusalOf({ reach: 'owner' })).toMatchObject(notFound);
  });

  it('where the node drains', async () => {
    await watch(0, 3);
    rig.edge.drain();
    expect(await refusalOf()).toMatchObject(notFound);
  });

  it('and left, where the stream comes from a peer itself: nothing passes through two edges', async () => {
    rig.nodes = [
      testNode('edge-2', { roles: ['edge'], zone: '', region: '', addresses: { relay: 'edge-2:1' } }),
    ];
    await watch(0, 3);
    const served = pull();
    await served.until(() => served.received.length === 3);
    // The owner stalls, the one peer goes on.
    rig.clock.advance(2_000);
    await settle();
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 3, resumed: true, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(3, 5));
    expect(await served.untilOver()).toBe('stream_not_found');
    expect(await refusalOf()).toMatchObject(notFound);
    expect(rig.edge.streams.get(stream)?.phase).toBe('live');
  });
});

it('peers do not keep a stream that nobody watches', async () => {
  await watch(0, 3);
  const handler = pull();
  await handler.until(() => handler.received.length === 3);
  for (const viewer of rig.edge.viewers.values()) viewer.close('client_closed');
  // The publisher's silence would be a stall.
  for (let passedMs = 0; passedMs <= rigTimes.lingerMs; passedMs += 1_000) {
    rig.pulls.at(-1)?.frames(testFrames(3 + passedMs / 1_000, 4 + passedMs / 1_000));
    rig.clock.advance(1_000);
  }
  expect(rig.edge.streams.size).toBe(0);
  await handler.untilOver();
});
