// Viewers who do not read a stream of 40 Mbit/s cost the others nothing and the node little.
import { readFile } from 'node:fs/promises';
import type { SessionView } from '@headwater/contracts';
import { classifyFrame, type Frame } from '@headwater/media';
import { testFrames } from '@headwater/media/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout, stepsBack } from '../support/media-delivery.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { MediaPublisher, type SentFrame } from '../support/media-publisher.ts';
import { metricOf } from '../support/media-metrics.ts';
import { type MediaViewer, outputs, watchAll } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

const second = testFrames({ seconds: 1, gopSeconds: 1, videoBitrate: 40_000_000, hasMetadata: false });

/** A second of the stream; its frames differ from those of all other seconds. */
function secondOf(index: number): SentFrame[] {
  const isFirst = index === 0;
  return second
    .filter(({ role }) => isFirst || role !== 'header')
    .map((frame) => ({
      ...frame,
      timestampMs: frame.timestampMs + index * 1000,
      payload: marked(frame, index),
    }));
}

function marked({ role, payload }: Frame, index: number): Buffer {
  if (role === 'header') return payload;
  const copy = Buffer.from(payload);
  copy.writeUInt32BE(index, copy.length - 4);
  return copy;
}

async function memoryOf(node: RunningHeadwater): Promise<number> {
  const status = await readFile(`/proc/${String(node.pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]) / 1024;
}

/** Where the picture of a viewer leaps, each as the frame that came after the leap. */
function leaps(sent: readonly SentFrame[], viewer: MediaViewer): SentFrame[] {
  const numbers = new Map(sent.filter(isVideo).map((frame, index) => [frame.timestampMs, index]));
  const seen = viewer.frames.filter(isVideo);
  return seen.filter((frame, index) => {
    const before = seen[index - 1];
    if (before === undefined) return false;
    return numbers.get(frame.timestampMs) !== (numbers.get(before.timestampMs) ?? NaN) + 1;
  });
}

function isVideo(frame: SentFrame): boolean {
  return frame.kind === 'video' && isMedia(frame);
}

describe('of the viewers of a fast stream', () => {
  const sent: SentFrame[] = [];
  let node: RunningHeadwater;
  let good: MediaViewer[];
  let slow: MediaViewer[];
  let lagging: SessionView[] = [];
  let memoryBeforeMb = 0;
  let memoryMb = 0;

  beforeAll(async () => {
    node = await startHeadwater({ set: { 'viewer.softDelay': '500ms', 'viewer.hardDelay': '4s' } });
    const publisher = await MediaPublisher.start(node.rtmpUrl('live/fast'));
    good = watchAll(node, 'live/fast');
    const stuck = watchAll(node, 'live/fast');
    let isOver = false;
    const publish = async (): Promise<void> => {
      for (let index = 0; !isOver; index++) {
        const frames = secondOf(index);
        sent.push(...frames);
        await publisher.sendInRealTime(frames);
        memoryMb = Math.max(memoryMb, await memoryOf(node));
      }
    };
    const publishing = publish();
    await untilAllSee([...good, ...stuck], 30);
    memoryBeforeMb = await memoryOf(node);
    for (const viewer of stuck) viewer.stopReading();
    await waitUntil('the stuck ones are gone', async () => (await viewersOf(node)).length === 3, {
      timeoutMs: 30_000,
    });
    slow = watchAll(node, 'live/fast');
    await untilAllSee(slow, 10);
    for (const viewer of slow) viewer.stopReading();
    lagging = await waitUntil('the node finds them a second behind', async () => {
      const behind = (await viewersOf(node)).filter(({ lagMs }) => lagMs > 1_000);
      return behind.length === 3 && behind;
    });
    const seen = slow.map(({ frames }) => frames.length);
    for (const viewer of slow) viewer.resumeReading();
    await waitUntil('they have caught up', () =>
      slow.every(
        (viewer, index) => leaps(sent, viewer).length > 0 && viewer.frames.length > (seen[index] ?? 0) + 100,
      ),
    );
    isOver = true;
    await publishing;
    publisher.unpublish();
    await waitUntil('the stream has ended', () => [...good, ...slow].every(({ end }) => end !== undefined));
  }, 120_000);

  it.each(outputs)(
    'those over %s who do not read are disconnected, and counted as slow',
    async (protocol) => {
      const ends = { protocol, reason: 'slow_viewer' };
      expect(await metricOf(node, 'headwater_play_ends_total', ends)).toBe(1);
    },
  );

  it.each(outputs)('one over %s who reads again leaps to a keyframe, without half a picture', (output) => {
    const viewer = slow.find((candidate) => candidate.output === output);
    const starts = viewer === undefined ? [] : leaps(sent, viewer);
    expect(new Set(starts.map(({ kind, payload }) => classifyFrame(kind, payload)))).toEqual(
      new Set(['keyframe']),
    );
    expect(stepsBack(viewer?.frames ?? [])).toEqual([]);
    expect(lagging.map(({ protocol }) => protocol)).toContain(output);
  });

  it.each(outputs)('those over %s who keep up miss nothing', (output) => {
    const viewer = good.find((candidate) => candidate.output === output);
    expect(complaintsAbout(sent, viewer?.frames ?? [])).toEqual([]);
  });

  it('none makes the node keep more than its limits say', () => {
    expect(memoryMb - memoryBeforeMb).toBeLessThan(150);
  });
});

async function viewersOf(node: RunningHeadwater): Promise<SessionView[]> {
  const { items } = await node.adminJson<{ items: SessionView[] }>('/api/v1/sessions?role=viewer');
  return items;
}

async function untilAllSee(viewers: readonly MediaViewer[], count: number): Promise<void> {
  await waitUntil('every viewer sees the stream', () => viewers.every(({ frames }) => frames.length > count));
}
