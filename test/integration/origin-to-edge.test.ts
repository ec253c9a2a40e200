import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  framesFrom,
  pairTimes,
  sees,
  send,
  StreamingPair,
  type SeenFrame,
} from '../support/streaming-pair.ts';
import { waitUntil } from '../support/wait-until.ts';

let pair: StreamingPair;

beforeEach(async () => {
  pair = await StreamingPair.start();
});

afterEach(async () => {
  await pair.close();
});

const isMedia = ({ kind, payload }: SeenFrame): boolean =>
  kind === 'video' ? payload[1] === 1 : payload[1] !== 0;
const shape = ({ kind, timestampMs, payload }: SeenFrame): string =>
  `${kind} ${String(timestampMs)} ${payload.toString('base64')}`;

describe('a stream that is live', () => {
  it('reaches a viewer frame by frame, bytes and times untouched, each once', async () => {
    const frames = framesFrom(5_000);
    const publisher = await pair.publish('live/a');
    send(publisher, frames.slice(0, 50));
    const viewer = await pair.watch('live/a');
    await sees(pair, viewer, frames[49]);
    send(publisher, frames.slice(50));
    await sees(pair, viewer, frames.at(-1));
    const sent = frames.filter(isMedia).map(shape);
    const seen = viewer.seen().filter(isMedia).map(shape);
    expect(seen).toEqual(sent.slice(sent.length - seen.length));
    expect(viewer.seen().find(isMedia)).toMatchObject({ kind: 'video' });
  });

  it('is pulled once, whatever the number of viewers', async () => {
    const frames = framesFrom(0);
    const publisher = await pair.publish('live/a');
    send(publisher, frames);
    const viewers = await Promise.all(Array.from({ length: 20 }, () => pair.watch('live/a')));
    await Promise.all(viewers.map((viewer) => sees(pair, viewer, frames.at(-1))));
    expect(pair.pulls).toBe(1);
  });

  it('is kept for a while after the last viewer, then given back', async () => {
    const publisher = await pair.publish('live/a');
    send(publisher, framesFrom(0));
    const viewer = await pair.watch('live/a');
    viewer.viewer.close('client_closed');
    await pair.pass(pairTimes.lingerMs - 1_000);
    expect(pair.edge.streams.size).toBe(1);
    await pair.pass(1_000);
    expect(pair.edge.streams.size).toBe(0);
    await waitUntil('the origin notices', () => pair.pulls === 0);
  });

  it('ends for its viewers at once when the publisher says so, after every frame', async () => {
    const frames = framesFrom(0);
    const publisher = await pair.publish('live/a');
    const viewer = await pair.watch('live/a');
    send(publisher, frames);
    publisher.leave('unpublished');
    await waitUntil('the viewer is told', () => viewer.ends.length > 0);
    expect(viewer.ends).toEqual(['unpublished']);
    expect(viewer.seen().at(-1)?.payload).toEqual(frames.at(-1)?.payload);
    expect(pair.edge.streams.size).toBe(0);
  });

  it('loses nothing and repeats nothing when the relay connection is cut', async () => {
    const frames = framesFrom(0);
    const publisher = await pair.publish('live/a');
    send(publisher, frames.slice(0, 60));
    const viewer = await pair.watch('live/a');
    await sees(pair, viewer, frames[59]);
    pair.cutRelay();
    send(publisher, frames.slice(60));
    await sees(pair, viewer, frames.at(-1));
    const seen = viewer.seen().filter(isMedia).map(shape);
    const sent = frames.filter(isMedia).map(shape);
    expect(seen).toEqual(sent.slice(sent.length - seen.length));
    expect(seen.length).toBeGreaterThan(40);
    expect(viewer.ends).toEqual([]);
  });
});

describe('a stream that is not there', () => {
  it('is waited for, and starts with its first keyframe', async () => {
    const watching = pair.watch('live/late');
    await waitUntil('the edge waits', () => pair.edge.streams.size === 1);
    pair.clock.advance(pairTimes.waitForStreamMs / 2);
    const publisher = await pair.publish('live/late');
    const viewer = await watching;
    const frames = framesFrom(0);
    send(publisher, frames);
    await sees(pair, viewer, frames.at(-1));
    expect(viewer.seen().filter(isMedia).map(shape)).toEqual(frames.filter(isMedia).map(shape));
  });

  it('is answered as not found when it does not come in time, and leaves nothing behind', async () => {
    const watching = pair.watch('live/never');
    const outcome = expect(watching).rejects.toMatchObject({ code: 'stream_not_found' });
    await waitUntil('the edge waits', () => pair.edge.streams.size === 1);
    pair.clock.advance(pairTimes.waitForStreamMs);
    await outcome;
    expect(pair.edge.streams.size).toBe(0);
  });

  it('is forgotten at once when the viewer goes away before it comes', async () => {
    const leaving = new AbortController();
    const outcome = expect(pair.watch('live/never', leaving.signal)).rejects.toBeDefined();
    await waitUntil('the edge waits', () => pair.edge.streams.size === 1);
    leaving.abort();
    await outcome;
    expect(pair.edge.streams.size).toBe(0);
  });
});

describe('a publisher that vanishes', () => {
  it('and comes back finds its viewers connected, on one rising timeline with one offset for all tracks', async () => {
    const first = await pair.publish('live/a', 'secret');
    const before = framesFrom(90_000);
    const viewer = await pair.watch('live/a');
    send(first, before);
    await sees(pair, viewer, before.at(-1));
    first.leave('client_closed');
    pair.clock.advance(4_000);
    const second = await pair.publish('live/a', 'secret');
    const after = framesFrom(7, 2);
    send(second, after);
    await sees(pair, viewer, after.at(-1));

    expect(viewer.ends).toEqual([]);
    const media = viewer.seen().filter(isMedia);
    for (const kind of ['audio', 'video'] as const) {
      const times = media.filter((frame) => frame.kind === kind).map(({ timestampMs }) => timestampMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const sentAt = new Map(
      after.map(({ payload, timestampMs }) => [payload.toString('base64'), timestampMs]),
    );
    const returned = media.filter(({ payload }) => sentAt.has(payload.toString('base64')));
    const offsets = returned.map(
      ({ payload, timestampMs }) => timestampMs - (sentAt.get(payload.toString('base64')) ?? NaN),
    );
    expect(new Set(offsets).size).toBe(1);
    expect(returned[0]?.kind).toBe('video');
    expect(offsets[0]).toBeGreaterThan(90_000);
  });

  it('and does not come back leaves its viewers a clean end after the hold', async () => {
    const publisher = await pair.publish('live/a');
    send(publisher, framesFrom(0));
    const viewer = await pair.watch('live/a');
    publisher.leave('client_closed');
    await waitUntil('the edge holds', () => pair.edge.streams.values().next().value?.phase === 'holding');
    pair.clock.advance(pairTimes.holdMs - 1);
    expect(viewer.ends).toEqual([]);
    pair.clock.advance(2);
    await waitUntil('the viewer is told', () => viewer.ends.length > 0);
    expect(viewer.ends).toEqual(['hold_expired']);
  });

  it('and is replaced by another party without credentials never mixes with it', async () => {
    const first = await pair.publish('live/a');
    const viewer = await pair.watch('live/a');
    const before = framesFrom(0);
    send(first, before);
    await sees(pair, viewer, before.at(-1));
    pair.clock.advance(2_000);
    const second = await pair.publish('live/a');
    const after = framesFrom(0, 2);
    send(second, after.slice(0, 40));
    send(first, framesFrom(0, 3));
    send(second, after.slice(40));
    await sees(pair, viewer, after.at(-1));
    const stale = new Set(
      framesFrom(0, 3)
        .filter(isMedia)
        .map(({ payload }) => payload.toString('base64')),
    );
    expect(viewer.seen().some(({ payload }) => stale.has(payload.toString('base64')))).toBe(false);
  });
});
