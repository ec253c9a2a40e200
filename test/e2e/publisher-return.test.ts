// A publisher whose connection breaks: its viewers stay for it, for as long as `hold` says.
import { isDeepStrictEqual } from 'node:util';
import type { StreamView } from '@headwater/contracts';
import { beforeAll, describe, expect, it } from 'vitest';
import { startFfmpeg } from '../support/ffmpeg.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout, sessionsIn, stepsBack } from '../support/media-delivery.ts';
import { encoders, type Fixture, isMedia, makeFixture } from '../support/media-fixtures.ts';
import { metricOf } from '../support/media-metrics.ts';
import { type MediaViewer, outputs, watch, watchAll } from '../support/media-viewers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

let before: Fixture;
let after: Fixture;

beforeAll(async () => {
  const folder = await tempFolder();
  const audio = encoders.aac;
  [before, after] = await Promise.all([
    makeFixture({ folder, name: 'before', video: encoders.h264, audio, seconds: 10 }),
    makeFixture({ folder, name: 'after', video: encoders.h264Baseline, audio, seconds: 2 }),
  ]);
});

function publish(node: RunningHeadwater, fixture: Fixture, stream: string): ReturnType<typeof startFfmpeg> {
  return startFfmpeg(['-re', '-i', fixture.file, '-c', 'copy', '-f', 'flv', node.rtmpUrl(stream)]);
}

/** Publishes, and breaks the publisher's connection once every viewer has seen a second of the stream. */
async function publishAndBreak(
  node: RunningHeadwater,
  stream: string,
  viewers: readonly MediaViewer[],
): Promise<void> {
  const publisher = publish(node, before, stream);
  await waitUntil('every viewer has seen a second', () =>
    viewers.every(({ frames }) => frames.filter(({ kind }) => kind === 'video').length > 25),
  );
  publisher.kill('SIGKILL');
  await waitUntil('the node has noticed', async () => {
    const { state } = await node.adminJson<StreamView>(`/api/v1/streams/${stream}`);
    return state === 'interrupted';
  });
}

async function untilEnded(viewers: readonly MediaViewer[]): Promise<void> {
  await waitUntil('the stream has ended for every viewer', () =>
    viewers.every(({ end }) => end !== undefined),
  );
}

const cleanEnds = ['NetStream.Play.UnpublishNotify', 'end', 'close 1000'];

describe('a publisher that returns within hold', () => {
  let viewers: MediaViewer[] = [];
  let latecomer: MediaViewer;
  let held: (string | undefined)[];

  beforeAll(async () => {
    const node = await startHeadwater({ set: { hold: '30s' } });
    viewers = watchAll(node, 'live/cam');
    await publishAndBreak(node, 'live/cam', viewers);
    held = viewers.map(({ end }) => end);
    latecomer = watch(node, 'http-flv', 'live/cam');
    await waitUntil('the latecomer is let in', () => latecomer.answers.length > 0);
    const publisher = publish(node, after, 'live/cam');
    await publisher.exited;
    await untilEnded([...viewers, latecomer]);
  }, 120_000);

  it('finds its viewers connected, and ends them cleanly in the end', () => {
    expect(held).toEqual([undefined, undefined, undefined]);
    expect(viewers.map(({ end }) => end)).toEqual(cleanEnds);
  });

  it.each(outputs)('goes on on one rising timeline over %s', (output) => {
    const frames = viewers.find((viewer) => viewer.output === output)?.frames ?? [];
    expect(stepsBack(frames)).toEqual([]);
    const [first = [], second = [], ...more] = sessionsIn(frames);
    expect(more).toEqual([]);
    expect(complaintsAbout(before.tags, first, { isCutShort: true })).toEqual([]);
    // Sequence headers first, then every frame, sound and picture shifted by the same.
    expect(complaintsAbout(after.tags, second)).toEqual([]);
    const lastMs = Math.max(...first.filter(isMedia).map(({ timestampMs }) => timestampMs));
    const nextMs = Math.min(...second.filter(isMedia).map(({ timestampMs }) => timestampMs));
    expect(nextMs).toBeGreaterThan(lastMs);
    expect(nextMs - lastMs).toBeLessThanOrEqual(10_000);
  });

  it('is seen whole by a viewer who came while it was away', () => {
    expect(latecomer.answers).toEqual(['200']);
    const second = sessionsIn(latecomer.frames).at(-1) ?? [];
    expect(complaintsAbout(after.tags, second)).toEqual([]);
    expect(stepsBack(latecomer.frames)).toEqual([]);
  });
});

describe('a publisher that does not return within hold', () => {
  it('gives its viewers a clean end on every output', async () => {
    const node = await startHeadwater({ set: { hold: '2s' } });
    const viewers = watchAll(node, 'live/cam');
    await publishAndBreak(node, 'live/cam', viewers);
    expect(viewers.map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
    await untilEnded(viewers);
    expect(viewers.map(({ end }) => end)).toEqual(cleanEnds);
    for (const protocol of outputs) {
      const ends = { protocol, reason: 'hold_expired' };
      expect(await metricOf(node, 'headwater_play_ends_total', ends)).toBe(1);
    }
    await waitUntil('the stream is gone', async () =>
      isDeepStrictEqual(await node.adminJson('/api/v1/streams'), { items: [] }),
    );
  });
});
