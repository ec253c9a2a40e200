// An edge is the shield of others, over a real relay.
import { parseStreamKey, silentMetrics } from '@headwater/contracts';
import { testNode } from '@headwater/cluster/testing';
import type { PullRequest } from '@headwater/relay';
import { RecordingHandler, RelayPair, testFrames } from '@headwater/relay/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rendezvousWeight } from './rendezvous.ts';
import { EdgeRig, rigTimes, settle } from './testing/index.ts';

const stream = parseStreamKey('live/cam1');
// One that every edge of the region would ask before the rig's own.
const ownWeight = rendezvousWeight(stream, 'edge-1');
const better = Array.from({ length: 20 }, (_, index) => `edge-${String(index + 2)}`).find(
  (nodeId) => rendezvousWeight(stream, nodeId) > ownWeight,
);

let rig: EdgeRig;
let pair: RelayPair;
/** What metrics came to: sums of counters, the last values of gauges. */
let figures: Map<string, number>;

beforeEach(async () => {
  figures = new Map();
  rig = await EdgeRig.start({
    shield: 'always',
    metrics: {
      ...silentMetrics,
      counter: ({ name }) => ({
        add: (value, labels = {}) => {
          const series = [name, ...Object.values(labels)].join(' ');
          figures.set(series, (figures.get(series) ?? 0) + value);
        },
      }),
      gauge: ({ name }) => ({ set: (value) => figures.set(name, value) }),
    },
  });
  pair = await RelayPair.start();
  pair.source.onOpen((call) => {
    rig.edge.shieldFeed.open(call);
  });
});

afterEach(async () => {
  await rig.close();
  await pair.stop();
  expect(rig.clock.pendingTimers).toBe(0);
});

function pull(request: Partial<PullRequest> = {}): RecordingHandler {
  const handler = new RecordingHandler();
  pair.client.pull(pair.address, { stream, reach: 'shield', ...request }, handler);
  return handler;
}

/** A viewer of the edge's own waits for the stream. */
async function watch(): Promise<void> {
  const context = { sessionId: '1', protocol: 'http-flv', remoteAddress: '192.0.2.1' } as const;
  const { signal } = new AbortController();
  void rig.edge.admit({ app: 'live', name: 'cam1', params: new Map(), context, signal });
  await settle();
}

describe('a pull through a shield', () => {
  it('has it pull from the owner, once for all who ask, though another edge would be asked by itself', async () => {
    rig.nodes = [
      testNode(better ?? '', { roles: ['edge'], zone: '', region: '', addresses: { relay: 'better:1' } }),
    ];
    const epoch = await rig.claim();
    const handlers = [pull(), pull()];
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    expect(rig.pulled).toEqual(['origin-1:1']);
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 50, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(50, 60));
    for (const handler of handlers) {
      await vi.waitFor(() => {
        rig.clock.advance(50);
        expect(handler.received).toEqual(testFrames(50, 60));
      });
    }
    expect(handlers[0]?.opening).toMatchObject({ epoch, firstSequence: 50 });
    expect(rig.pulls).toHaveLength(1);
    rig.clock.advance(5_000);
    expect(figures.get('headwater_edge_shield_pulls_total served')).toBe(2);
    expect(figures.get('headwater_edge_shielded_pulls')).toBe(2);
    expect(figures.get('headwater_edge_pulls_total owner')).toBe(1);
    expect(figures.has('headwater_edge_switches_total owner')).toBe(false);
  });

  it('has it leave the shield that it was behind, once, for as long as anybody asks', async () => {
    rig.nodes = [
      testNode(better ?? '', { roles: ['edge'], zone: '', region: '', addresses: { relay: 'better:1' } }),
    ];
    await watch();
    const epoch = await rig.claim();
    expect(rig.pulled).toEqual(['better:1']);
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 50, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(50, 60));
    const edgeStream = rig.edge.streams.get(stream);
    const first = edgeStream?.acquireAsShield(0);
    expect(rig.pulled).toEqual(['better:1', 'origin-1:1']);
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 60, resumed: true, state: 'live' });
    expect(figures.get('headwater_edge_switches_total owner')).toBe(1);
    edgeStream?.acquireAsShield(0);
    expect(rig.pulls).toHaveLength(2);
    first?.release();
    first?.release();
    expect(edgeStream?.askers).toBe(1);
  });

  it('is none for peers: what comes through another edge is not passed on further', async () => {
    await watch();
    const epoch = await rig.claim();
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 50, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(50, 60));
    pair.source.onOpen((call) => {
      rig.edge.peerFeed.open(call);
    });
    const peer = pull({ reach: 'peer' });
    await peer.until(() => peer.received.length > 0);
    rig.nodes = [
      testNode(better ?? '', { roles: ['edge'], zone: '', region: '', addresses: { relay: 'better:1' } }),
    ];
    rig.edge.streams.get(stream)?.claimed({
      stream,
      owner: { nodeId: 'origin-1', incarnation: 'run-1' },
      relayAddress: 'origin-1:1',
      epoch: epoch + 1,
      state: 'live',
      codecs: [],
      sinceMs: 0,
    });
    expect(rig.pulled.at(-1)).toBe('better:1');
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 60, resumed: true, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(60, 61));
    expect(await peer.untilOver()).toBe('stream_not_found');
  });

  it('is refused while nobody delivers the stream here: who asks may reach somebody', async () => {
    const epoch = await rig.claim();
    const first = pull();
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 50, resumed: false, state: 'live' });
    rig.pulls.at(-1)?.frames(testFrames(50, 60));
    await first.until(() => first.events.length > 1);
    rig.pulls.at(-1)?.ended('shutdown');
    const second = pull();
    await second.until(() => second.events.length > 0);
    expect(second.events).toMatchObject([{ type: 'failed', error: { code: 'upstream_unavailable' } }]);
    // Whoever pulls already hears nothing, and waits for a while.
    expect(first.events.filter(({ type }) => type !== 'frames')).toHaveLength(1);
  });

  it('is refused by an edge that drains', async () => {
    await rig.claim();
    rig.edge.drain();
    const handler = pull();
    await handler.until(() => handler.events.length > 0);
    expect(handler.events).toMatchObject([{ type: 'failed', error: { code: 'draining' } }]);
  });

  it('is outlived by the stream for a little while, so that one who comes back finds it', async () => {
    const epoch = await rig.claim();
    const handler = new RecordingHandler();
    const asked = pair.client.pull(pair.address, { stream, reach: 'shield' }, handler);
    await vi.waitFor(() => expect(rig.pulls).toHaveLength(1));
    rig.pulls.at(-1)?.opened({ epoch, firstSequence: 0, resumed: false, state: 'live' });
    await handler.until(() => handler.events.length > 0);
    asked.close();
    await vi.waitFor(() => expect(rig.edge.streams.get(stream)?.askers).toBe(0));
    rig.clock.advance(2_000);
    expect(rig.edge.streams.size).toBe(1);
    rig.clock.advance(rigTimes.lingerMs);
    expect(rig.edge.streams.size).toBe(0);
  });
});
