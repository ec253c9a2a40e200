// Programs of others against a running node: ffmpeg, rtmpdump (librtmp) and GStreamer (rtmp2) play and publish.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FlvTag, parseVideoTag } from '@headwater/media';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Child, runChild, startChild } from '../support/child.ts';
import { runFfmpeg, startFfmpeg } from '../support/ffmpeg.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { encoders, type Fixture, makeFixture, readFlv } from '../support/media-fixtures.ts';
import { type MediaViewer, watchAll } from '../support/media-viewers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

let node: RunningHeadwater;
let folder: string;
let withBFrames: Fixture;
let plain: Fixture;

beforeAll(async () => {
  node = await startHeadwater();
  folder = await tempFolder();
  const { h264, h264BFrames, aac: audio } = encoders;
  withBFrames = await makeFixture({ folder, name: 'b-frames', video: h264BFrames, audio, seconds: 5 });
  plain = await makeFixture({ folder, name: 'plain', video: h264, audio, seconds: 3 });
  // Its first start on a machine looks through all plugins, for longer than the stream lasts.
  await runChild({ name: 'gst-inspect-1.0', program: 'gst-inspect-1.0', args: ['rtmp2src'] });
});

function start(program: string, args: readonly string[]): Child {
  return startChild({ name: program, program, args });
}

// Some leave out the mark that ends a sequence (AVCPacketType 2), which has no body.
function withoutEndMarks(tags: readonly FlvTag[]): FlvTag[] {
  return tags.filter(
    ({ kind, payload }) => kind !== 'video' || parseVideoTag(payload).packetType !== 'sequence-end',
  );
}

describe('played', () => {
  /** Each writes what it plays as FLV into a file; none is told that the stream has ended but by the node. */
  const players: readonly { name: string; losesLast?: boolean; play: (file: string) => Child }[] = [
    {
      name: 'by ffmpeg over RTMP',
      play: (file) => startFfmpeg(['-i', node.rtmpUrl('live/cam'), '-c', 'copy', '-f', 'flv', file]),
    },
    {
      name: 'by ffmpeg over HTTP-FLV',
      play: (file) => startFfmpeg(['-i', node.flvUrl('live/cam'), '-c', 'copy', '-f', 'flv', file]),
    },
    {
      name: 'by rtmpdump',
      play: (file) => start('rtmpdump', ['--quiet', '--live', '-r', node.rtmpUrl('live/cam'), '-o', file]),
    },
    {
      name: 'by GStreamer',
      // rtmp2src throws away the one message that it holds when StreamEOF comes before its sink has asked for it.
      losesLast: true,
      play: (file) => {
        const source = ['rtmp2src', `location=${node.rtmpUrl('live/cam')}`];
        return start('gst-launch-1.0', ['-q', ...source, '!', 'filesink', `location=${file}`]);
      },
    },
  ];
  const played = new Map<string, { readonly child: Child; readonly file: string }>();

  beforeAll(async () => {
    const url = node.rtmpUrl('live/cam');
    const publisher = startFfmpeg(['-re', '-i', withBFrames.file, '-c', 'copy', '-f', 'flv', url]);
    await waitUntil('the stream is live', async () =>
      JSON.stringify(await node.adminJson('/api/v1/streams')).includes('"live/cam"'),
    );
    const running = players.map(({ name, play }, index) => {
      const file = join(folder, `played-${index}.flv`);
      return { name, file, child: play(file) };
    });
    for (const { name, file, child } of running) {
      await waitUntil(`it was played ${name}`, () => child.exit, { timeoutMs: 30_000 });
      played.set(name, { child, file });
    }
    expect((await publisher.exited).code).toBe(0);
  });

  it.each(players)(
    '$name: every frame from a keyframe to the end, which it hears of',
    async ({ name, losesLast }) => {
      const { child, file = '' } = played.get(name) ?? {};
      expect(child?.exit, child?.tail()).toEqual({ code: 0, signal: null });
      const tags = withoutEndMarks(readFlv(await readFile(file)));
      const sent = withoutEndMarks(withBFrames.tags);
      const options = { from: 'keyframe', isCutShort: losesLast === true } as const;
      expect(complaintsAbout(sent, tags, options)).toEqual([]);
      expect(tags.length).toBeGreaterThan(100);
      const decoding = await runFfmpeg(['-i', file, '-f', 'null', '-']);
      expect(decoding.stderr).toBe('');
    },
  );
});

describe('published', () => {
  it('by GStreamer: reaches viewers frame by frame, and ends when it ends', async () => {
    const viewers: MediaViewer[] = watchAll(node, 'live/cam');
    await waitUntil('every viewer has asked', () => viewers.every(({ hasAsked }) => hasAsked));
    const track = (kind: string): string[] => [`d.${kind}`, '!', 'queue', '!', 'clocksync', '!', `m.${kind}`];
    const publisher = start('gst-launch-1.0', [
      ...['-q', 'filesrc', `location=${plain.file}`, '!', 'flvdemux', 'name=d'],
      ...[...track('video'), ...track('audio'), 'flvmux', 'name=m', 'streamable=true'],
      ...['!', 'rtmp2sink', `location=${node.rtmpUrl('live/cam')}`],
    ]);
    await publisher.exited;
    expect(publisher.exit, publisher.tail()).toEqual({ code: 0, signal: null });
    await waitUntil('the stream has ended', () => viewers.every(({ end }) => end !== undefined));
    const sent = withoutEndMarks(plain.tags);
    // GStreamer's muxer stamps the frames anew.
    const complaints = viewers.flatMap(({ frames }) =>
      complaintsAbout(sent, withoutEndMarks(frames), { toleranceMs: 20 }),
    );
    expect(complaints).toEqual([]);
  });
});
