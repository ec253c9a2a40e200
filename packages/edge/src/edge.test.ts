import { AppError, streamKey, type CloseReason } from '@headwater/contracts';
import { flvFormat } from '@headwater/media';
import { RecordingSink } from '@headwater/media/testing';
import { testFrames } from '@headwater/relay/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Edge } from './edge.ts';
import { EdgeRig, rigTimes, settle } from './testing/index.ts';
import type { Viewer } from './viewer.ts';

let rig: EdgeRig;
let edge: Edge;
let ends: ReadonlyMap<string, number>;
let sessions = 0;

beforeEach(async () => {
  rig = await EdgeRig.start();
  ({ edge, ends } = rig);
});

afterEach(async () => {
  await rig.close();
  // Whatever happened, closing leaves nothing behind.
  expect(edge.streams.size).toBe(0);
  expect(edge.viewers.size).toBe(0);
  expect(rig.clock.pendingTimers).toBe(0);
});

async function admit(signal: AbortSignal = new AbortController().signal): Promise<Viewer> {
  const sessionId = String(++sessions);
  const context = { sessionId, protocol: 'http-flv', remoteAddress: '192.0.2.1' } as const;
  return edge.admit({ app: 'live', name: 'cam1', params: new Map(), context, signal });
}

describe('a viewer that waits', () => {
  it('is refused as not found when the stream does not come in time, and the stream is given up', async () => {
    const waiting = expect(admit()).rejects.toMatchObject({ code: 'stream_not_found' });
    await settle();
    rig.clock.advance(rigTimes.waitForStreamMs);
    await waiting;
    expect(edge.streams.size).toBe(0);
    expect([...ends]).toEqual([['stream_not_found', 1]]);
  });

  it('no time for a stream that is not live gets one that is, and is refused at once where it is not', async () => {
    const impatient = await EdgeRig.start({ waitForStreamMs: 0 });
    const watch = async (): Promise<Viewer> =>
      impatient.edge.admit({
        app: 'live',
        name: 'cam1',
        params: new Map(),
        context: { sessionId: 'impatient', protocol: 'http-flv', remoteAddress: '192.0.2.1' },
        signal: new AbortController().signal,
      });
    const early = expect(watch()).rejects.toMatchObject({ code: 'stream_not_found' });
    impatient.clock.advance(0);
    await settle();
    impatient.clock.advance(0);
    await early;
    const epoch = await impatient.claim();
    const viewer = watch();
    await settle();
    impatient.clock.advance(1);
    impatient.pulls.at(-1)?.opened({ epoch, firstSequence: 0, resumed: false, state: 'live' });
    expect((await viewer).stream).toBe('live/cam1');
    await impatient.close();
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

  it('and whose access is not decided about in time is refused', async () => {
    rig.decide = async () => new Promise(() => undefined);
    const waiting = expect(admit()).rejects.toMatchObject({ code: 'internal' });
    await settle();
    rig.clock.advance(5_000);
    await waiting;
    expect([...ends]).toEqual([['internal', 1]]);
  });

  it('is refused when the node begins to drain', async () => {
    const waiting = expect(admit()).rejects.toMatchObject({ code: 'draining' });
    await settle();
    edge.drain();
    await waiting;
    expect(edge.streams.size).toBe(0);
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
  rig.decide = async () => {
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
    await rig.goLive();
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
    await rig.goLive();
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
    await rig.goLive();
    rig.pulls.at(-1)?.ended('unpublished');
    const viewer = await waiting;
    const told: CloseReason[] = [];
    viewer.onEnded = (reason) => told.push(reason);
    viewer.deliver({ format: flvFormat, sink: new RecordingSink(), from: 'keyframe' });
    expect(told).toEqual(['unpublished']);
    expect(edge.streams.size).toBe(0);
  });
});

it('what timelines drop and join is counted while streams run, and once they have ended', async () => {
  const waiting = admit();
  await settle();
  await rig.goLive(testFrames(0, 60));
  await waiting;
  rig.pulls.at(-1)?.frames(testFrames(70, 72));
  const dropped = (): number | undefined => rig.counted.get('headwater_timeline_dropped_frames_total');
  rig.clock.advance(5_000);
  expect(dropped()).toBe(2);
  edge.close();
  expect(dropped()).toBe(2);
  expect(rig.counted.get('headwater_edge_pulls_total')).toBe(1);
});

describe('the answer to HEAD', () => {
  const check = async (): Promise<void> => {
    const context = {
      sessionId: String(++sessions),
      protocol: 'http-flv',
      remoteAddress: '192.0.2.1',
    } as const;
    const { signal } = new AbortController();
    await edge.check({ app: 'live', name: 'cam1', params: new Map(), context, signal });
  };

  it('is yes for a stream that is live, without pulling it', async () => {
    await rig.claim();
    await check();
    expect(edge.streams.size).toBe(0);
    expect([...ends]).toEqual([]);
  });

  it('is no for one that is not, counted like every refusal', async () => {
    await expect(check()).rejects.toMatchObject({ code: 'stream_not_found' });
    rig.decide = () => Promise.resolve({ allowed: false, code: 'play_denied', description: 'no' });
    await expect(check()).rejects.toMatchObject({ code: 'play_denied' });
    expect([...ends]).toEqual([
      ['stream_not_found', 1],
      ['play_denied', 1],
    ]);
  });

  it('is yes for an orphan that this edge still has, and no where it has not', async () => {
    const waiting = admit();
    await settle();
    await rig.goLive();
    await waiting;
    await rig.registry.leave({ nodeId: 'origin-1', incarnation: 'run-1' });
    rig.pulls.at(-1)?.ended('shutdown');
    await check();
    expect(edge.streams.get(streamKey('live', 'cam1'))?.phase).toBe('holding');
    edge.close();
    await expect(check()).rejects.toMatchObject({ code: 'draining' });
  });
});

describe('while the registry does not answer', () => {
  beforeEach(async () => {
    await rig.claim();
    rig.registry.stream = async () => Promise.reject(new AppError('registry_unavailable'));
  });

  it('a stream that this edge heard of is pulled for its first viewer', async () => {
    const waiting = admit();
    await settle();
    rig.pulls.at(-1)?.opened({ epoch: rig.clock.wallMs(), firstSequence: 0, resumed: false, state: 'live' });
    await waiting;
    const context = { sessionId: '0', protocol: 'http-flv', remoteAddress: '192.0.2.1' } as const;
    const { signal } = new AbortController();
    await edge.check({ app: 'live', name: 'cam1', params: new Map(), context, signal });
  });
});
