import {
  parseStreamKey,
  silentLogger,
  type AccessDecision,
  type CloseReason,
  type MetricLabels,
  type Metrics,
} from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { defaultBacklogLimits, flvFormat, immediateFlushPlan } from '@headwater/media';
import { RecordingSink } from '@headwater/media/testing';
import type { PullHandler } from '@headwater/relay';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Edge } from './edge.ts';
import type { Viewer } from './viewer.ts';

const node = { nodeId: 'origin-1', incarnation: 'run-1' };
const stream = parseStreamKey('live/cam1');
const waitForStreamMs = 10_000;

let clock: ManualClock;
let registry: MemoryStreamRegistry;
let edge: Edge;
let ends: Map<string, number>;
let pulls: PullHandler[];
let decide: () => Promise<AccessDecision>;
let sessions = 0;

// Keeps how viewers ended, by reason.
const metrics: Metrics = {
  counter: ({ name }) => ({
    add: (value: number, labels: MetricLabels = {}) => {
      if (name !== 'headwater_play_ends_total') return;
      const { reason = '' } = labels;
      ends.set(reason, (ends.get(reason) ?? 0) + value);
    },
  }),
  gauge: () => ({ set: () => undefined }),
  histogram: () => ({ observe: () => undefined }),
};

beforeEach(async () => {
  clock = new ManualClock();
  registry = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000 });
  ends = new Map();
  pulls = [];
  decide = () => Promise.resolve({ allowed: true });
  edge = new Edge({
    clock,
    logger: silentLogger,
    metrics,
    registry,
    relay: {
      pull: (_address, _request, handler) => {
        pulls.push(handler);
        return { close: () => undefined };
      },
    },
    access: { decide: () => decide() },
    ring: {},
    flushPlan: immediateFlushPlan,
    backlog: defaultBacklogLimits,
    defaultLatency: 'normal',
    holdMs: 15_000,
    lingerMs: 20_000,
    waitForStreamMs,
    maxViewers: 10,
    maxStreams: 10,
    random: () => 0.5,
  });
  await registry.join({
    ...node,
    roles: ['origin'],
    zone: '',
    region: '',
    addresses: {},
    isDraining: false,
    load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
  });
});

afterEach(async () => {
  edge.close();
  await registry.close();
  // Whatever happened, closing leaves nothing behind.
  expect(edge.streams.size).toBe(0);
  expect(edge.viewers.size).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

/** Lets everything that is not waiting for time come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

async function admit(signal: AbortSignal = new AbortController().signal): Promise<Viewer> {
  const context = {
    sessionId: String(++sessions),
    protocol: 'http-flv',
    remoteAddress: '192.0.2.1',
  } as const;
  return edge.admit({ app: 'live', name: 'cam1', params: new Map(), context, signal });
}

/** The stream begins, and its pull opens. */
async function goLive(): Promise<void> {
  const claim = await registry.claim({ stream, owner: node, relayAddress: 'origin-1:1' });
  await settle();
  if (claim.outcome !== 'claimed') throw new Error('the stream was not free');
  pulls.at(-1)?.opened({ epoch: claim.record.epoch, firstSequence: 0, resumed: false, state: 'live' });
}

describe('a viewer that waits', () => {
  it('is refused as not found when the stream does not come in time, and the stream is given up', async () => {
    const waiting = expect(admit()).rejects.toMatchObject({ code: 'stream_not_found' });
    await settle();
    clock.advance(waitForStreamMs);
    await waiting;
    expect(edge.streams.size).toBe(0);
    expect([...ends]).toEqual([['stream_not_found', 1]]);
  });

  it('and goes away counts as one that left, and the stream is given up at once', async () => {
    const gone = new AbortController();
    const waiting = expect(admit(gone.signal)).rejects.toThrow();
    await settle();
    gone.abort();
    await waiting;
    expect(edge.streams.size).toBe(0);
    expect([...ends]).toEqual([['client_closed', 1]]);
  });

  it('and goes away during the access decision counts as one that left', async () => {
    const gone = new AbortController();
    gone.abort();
    await expect(admit(gone.signal)).rejects.toThrow();
    expect([...ends]).toEqual([['client_closed', 1]]);
  });

  it('is told that the node drains when that is why it ends', async () => {
    const waiting = expect(admit()).rejects.toMatchObject({ code: 'draining' });
    await settle();
    edge.close();
    await waiting;
  });
});

it('a viewer that is being decided about when the node drains is refused, and opens no stream', async () => {
  let allow = (): void => undefined;
  decide = async () => {
    await new Promise<void>((resolve) => {
      allow = resolve;
    });
    return { allowed: true };
  };
  const waiting = expect(admit()).rejects.toMatchObject({ code: 'draining' });
  edge.close();
  allow();
  await waiting;
  expect(edge.streams.size).toBe(0);
});

describe('a viewer whose stream ends before it is delivered', () => {
  it('is told when delivery begins, once', async () => {
    const waiting = admit();
    await settle();
    await goLive();
    const viewer = await waiting;
    edge.kick(viewer.context.sessionId);
    const told: CloseReason[] = [];
    viewer.onEnded = (reason) => told.push(reason);
    const delivery = { format: flvFormat, sink: new RecordingSink(), from: 'keyframe' } as const;
    viewer.deliver(delivery);
    viewer.deliver(delivery);
    expect(told).toEqual(['kicked']);
    expect([...ends]).toEqual([['kicked', 1]]);
  });

  it('is told nothing when its output has closed it meanwhile', async () => {
    const waiting = admit();
    await settle();
    await goLive();
    const viewer = await waiting;
    const told: CloseReason[] = [];
    viewer.onEnded = (reason) => told.push(reason);
    viewer.close('client_closed');
    viewer.end('kicked');
    viewer.deliver({ format: flvFormat, sink: new RecordingSink(), from: 'keyframe' });
    expect(told).toEqual([]);
    expect([...ends]).toEqual([['client_closed', 1]]);
  });

  it('is told in the order that the pull spoke, also when it opened and ended in one go', async () => {
    const waiting = admit();
    await settle();
    await goLive();
    pulls.at(-1)?.ended('unpublished');
    const viewer = await waiting;
    const told: CloseReason[] = [];
    viewer.onEnded = (reason) => told.push(reason);
    viewer.deliver({ format: flvFormat, sink: new RecordingSink(), from: 'keyframe' });
    expect(told).toEqual(['unpublished']);
    expect(edge.streams.size).toBe(0);
  });
});
