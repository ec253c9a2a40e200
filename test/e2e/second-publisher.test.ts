// Two publishers of one stream never mix.
import type { Frame } from '@headwater/media';
import { testFrames } from '@headwater/media/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { amf, messageType } from '../abuse/rtmp-bytes.ts';
import { RtmpPeer } from '../abuse/rtmp-peer.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout, sessionsIn, stepsBack } from '../support/media-delivery.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { MediaPublisher, rtmpTargetOf } from '../support/media-publisher.ts';
import { type MediaViewer, watchAll } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

const first = testFrames({ seconds: 20, gopSeconds: 1, seed: 1 });
const second = testFrames({ seconds: 2, gopSeconds: 1, seed: 2, startTimestampMs: 500_000 });

let node: RunningHeadwater;

beforeAll(async () => {
  node = await startHeadwater();
});

async function untilAllSee(viewers: readonly MediaViewer[], frame: Frame | undefined): Promise<void> {
  await waitUntil('every viewer sees the frame', () =>
    viewers.every(({ frames }) => frames.some(({ payload }) => frame?.payload.equals(payload))),
  );
}

async function untilEnded(viewers: readonly MediaViewer[]): Promise<void> {
  await waitUntil('the stream has ended for every viewer', () =>
    viewers.every(({ end }) => end !== undefined),
  );
}

const firstKeyframe = first.find(({ role }) => role === 'keyframe');

/** Ends the stream and says what is wrong with what the viewers got, which should be the first session, then the second. */
async function complaintsAfterReplacement(
  viewers: readonly MediaViewer[],
  publisher: MediaPublisher,
): Promise<string[]> {
  await publisher.send(second);
  publisher.unpublish();
  await untilEnded(viewers);
  return viewers.flatMap(({ frames }) => {
    const [ofFirst = [], ofSecond = [], ...more] = sessionsIn(frames);
    return [
      ...complaintsAbout(first, ofFirst, { isCutShort: true }),
      ...complaintsAbout(second, ofSecond),
      ...stepsBack(frames),
      ...more.map(() => 'a third session'),
    ];
  });
}

/** Publishes without waiting for the answer, with frames right behind; resolves with the answer. */
async function publishAndSendAtOnce(name: string, frames: readonly Frame[]): Promise<void> {
  const peer = await RtmpPeer.open(rtmpTargetOf(node.rtmpUrl(`live/${name}`)));
  expect(await peer.connect('live')).toBe(true);
  const msid = (await peer.createStream()) ?? 0;
  const sending = [peer.command('publish', 3, amf.null, amf.string(name), amf.string('live'), { msid })];
  for (const { kind, timestampMs: timestamp, payload } of frames) {
    if (kind !== 'data') sending.push(peer.send({ type: messageType[kind], msid, timestamp, payload }));
  }
  await Promise.all(sending);
  expect(await peer.answered('NetStream.Publish.BadName')).toBe(true);
}

describe('while a stream has a publisher without token', () => {
  it('another one is answered BadName, and nothing of what it sends all the same is seen', async () => {
    const publisher = await MediaPublisher.start(node.rtmpUrl('live/busy'));
    const viewers = watchAll(node, 'live/busy');
    const publishing = publisher.sendInRealTime(first.filter(({ timestampMs }) => timestampMs < 3_000));
    await untilAllSee(viewers, firstKeyframe);
    const refused = await MediaPublisher.ask(node.rtmpUrl('live/busy'));
    expect(refused.isStarted).toBe(false);
    expect(refused.statuses).toEqual(['NetStream.Publish.BadName']);
    await publishAndSendAtOnce('busy', second);
    await publishing;
    publisher.unpublish();
    await untilEnded(viewers);
    for (const { frames } of viewers) {
      expect(complaintsAbout(first, frames, { isCutShort: true })).toEqual([]);
      expect(frames.filter(isMedia).at(-1)?.timestampMs).toBeGreaterThan(2_950);
    }
  });

  it('another one takes over as soon as it has been silent for 2 s', async () => {
    const silent = await MediaPublisher.start(node.rtmpUrl('live/silent'));
    const viewers = watchAll(node, 'live/silent');
    await silent.send(first.slice(0, 60));
    await untilAllSee(viewers, firstKeyframe);
    const refused: MediaPublisher[] = [];
    const next = await waitUntil('the second publisher is let in', async () => {
      const asking = await MediaPublisher.ask(node.rtmpUrl('live/silent'));
      if (asking.isStarted) return asking;
      refused.push(asking);
      return undefined;
    });
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.flatMap(({ statuses }) => statuses))).toEqual(
      new Set(['NetStream.Publish.BadName']),
    );
    await waitUntil('the silent one is told', () => silent.isClosed);
    expect(silent.statuses.at(-1)).toBe('NetStream.Publish.BadName');
    expect(await complaintsAfterReplacement(viewers, next)).toEqual([]);
  });
});

describe('while a stream has a publisher with a token', () => {
  it('one with the same token replaces it at once, in the midst of its frames', async () => {
    const url = `${node.rtmpUrl('live/mine')}?token=mine`;
    const replaced = await MediaPublisher.start(url);
    const viewers = watchAll(node, 'live/mine');
    const publishing = replaced.sendInRealTime(first);
    await untilAllSee(viewers, firstKeyframe);
    const next = await MediaPublisher.ask(url);
    expect(next.statuses).toEqual(['NetStream.Publish.Start']);
    expect(await complaintsAfterReplacement(viewers, next)).toEqual([]);
    await publishing;
    expect(replaced.statuses.at(-1)).toBe('NetStream.Publish.BadName');
  });

  it.each(['', '?token=another'])(
    'one with %j instead is answered BadName, also when it is silent',
    async (query) => {
      const stream = `live/theirs${query.length}`;
      const publisher = await MediaPublisher.start(`${node.rtmpUrl(stream)}?token=theirs`);
      await publisher.send(first.slice(0, 60));
      const refused = await MediaPublisher.ask(node.rtmpUrl(stream) + query);
      expect(refused.statuses).toEqual(['NetStream.Publish.BadName']);
      expect(publisher.isClosed).toBe(false);
      publisher.unpublish();
    },
  );
});
