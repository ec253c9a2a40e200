// Viewers who come in the middle of a stream.
import type { StreamView } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import { testFrames } from '@headwater/media/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { isHeader, isMedia } from '../support/media-fixtures.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { type MediaViewer, outputs, watch } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

let node: RunningHeadwater;

beforeAll(async () => {
  node = await startHeadwater();
});

/** Publishes frames and resolves when the node has taken them all in. */
async function publish(stream: string, frames: readonly Frame[]): Promise<MediaPublisher> {
  const publisher = await MediaPublisher.start(node.rtmpUrl(stream));
  await publisher.send(frames);
  await waitUntil('the node has all frames', async () => {
    const { framesIn } = await node.adminJson<StreamView>(`/api/v1/streams/${stream}`);
    return framesIn === frames.length;
  });
  return publisher;
}

async function caughtUp(viewer: MediaViewer, newest: Frame | undefined): Promise<void> {
  await waitUntil('the viewer has the newest frame', () =>
    viewer.frames.some(({ payload }) => newest?.payload.equals(payload)),
  );
}

function outline(viewer: MediaViewer): string[] {
  return viewer.frames.slice(0, 4).map((tag) => (isHeader(tag) ? `${tag.kind} header` : tag.kind));
}

describe.each(outputs)('a viewer who comes to %s in the middle', (output) => {
  it('starts with headers and the newest keyframe at once, and misses nothing from there on', async () => {
    const frames = testFrames({ seconds: 5, gopSeconds: 2 });
    const past = frames.filter(({ timestampMs }) => timestampMs < 3_000);
    const stream = `live/picture-${output}`;
    const publisher = await publish(stream, past);
    const viewers: MediaViewer[] = [];
    // The first makes the edge fetch the stream, the second finds it there.
    for (let count = 0; count < 2; count++) {
      const viewer = watch(node, output, stream);
      viewers.push(viewer);
      await caughtUp(viewer, past.at(-1));
    }
    await publisher.send(frames.slice(past.length));
    publisher.unpublish();
    await waitUntil('the stream has ended for both', () => viewers.every(({ end }) => end !== undefined));
    const keyframe = frames.find(({ role, timestampMs }) => role === 'keyframe' && timestampMs === 2_000);
    for (const viewer of viewers) {
      expect(outline(viewer)).toEqual(['data', 'video header', 'audio header', 'video']);
      expect(viewer.frames[3]).toMatchObject({ timestampMs: 2_000, payload: keyframe?.payload });
      expect(complaintsAbout(frames, viewer.frames, { from: 'keyframe' })).toEqual([]);
    }
  });

  it('starts with the last seconds of sound where there is no picture', async () => {
    const frames = testFrames({ seconds: 6, video: 'none' });
    const past = frames.filter(({ timestampMs }) => timestampMs < 4_000);
    const stream = `live/sound-${output}`;
    const publisher = await publish(stream, past);
    const viewer = watch(node, output, stream);
    await caughtUp(viewer, past.at(-1));
    await publisher.send(frames.slice(past.length));
    publisher.unpublish();
    await waitUntil('the stream has ended for the viewer', () => viewer.end);
    expect(outline(viewer)).toEqual(['data', 'audio header', 'audio', 'audio']);
    const startMs = viewer.frames.find(isMedia)?.timestampMs ?? 0;
    expect(startMs).toBeGreaterThan(1_900);
    expect(startMs).toBeLessThan(3_000);
    expect(complaintsAbout(frames, viewer.frames, { from: 'keyframe' })).toEqual([]);
  });
});
