// What ffmpeg publishes in each codec comes out of every output as it went in.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Ffmpeg,
  ffmpegAtLeast,
  probe,
  type ProbePacket,
  startFfmpeg,
  systemFfmpeg,
} from '../support/ffmpeg.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { encoders, type Fixture, makeFixture } from '../support/media-fixtures.ts';
import { type MediaViewer, outputs, watchAll } from '../support/media-viewers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

interface CodecCase {
  readonly name: string;
  readonly video?: readonly string[];
  readonly audio?: readonly string[];
  /** As ffprobe names them. */
  readonly codecs: readonly string[];
  /** Major version that can write it. */
  readonly ffmpeg?: number;
}

const cases: readonly CodecCase[] = [
  { name: 'h264-aac', video: encoders.h264, audio: encoders.aac, codecs: ['aac', 'h264'] },
  { name: 'b-frames', video: encoders.h264BFrames, audio: encoders.aac, codecs: ['aac', 'h264'] },
  { name: 'h264', video: encoders.h264, codecs: ['h264'] },
  { name: 'aac', audio: encoders.aac, codecs: ['aac'] },
  { name: 'h264-mp3', video: encoders.h264, audio: encoders.mp3, codecs: ['h264', 'mp3'] },
  { name: 'mp3', audio: encoders.mp3, codecs: ['mp3'] },
  { name: 'hevc-aac', video: encoders.hevc, audio: encoders.aac, codecs: ['aac', 'hevc'], ffmpeg: 7 },
  { name: 'av1-aac', video: encoders.av1, audio: encoders.aac, codecs: ['aac', 'av1'], ffmpeg: 7 },
  { name: 'vp9-aac', video: encoders.vp9, audio: encoders.aac, codecs: ['aac', 'vp9'], ffmpeg: 7 },
];

interface Run {
  readonly fixture: Fixture;
  readonly packets: readonly ProbePacket[];
  readonly viewers: readonly MediaViewer[];
  readonly probes: Readonly<Record<'rtmp' | 'http-flv', Awaited<ReturnType<typeof probe>>>>;
}

const runs = new Map<string, PromiseSettledResult<Run>>();

// The encoders are done before anything is published: a machine that is busy with them for seconds would let a viewer
// miss the beginning of a stream, which is no fault of the program. Some streams at a time, since most of the time is
// spent waiting for frames that come in real time.
beforeAll(async () => {
  const folder = await tempFolder();
  const newer = await ffmpegAtLeast(7);
  const prepared: Prepared[] = [];
  for (const one of cases) {
    const ffmpeg = one.ffmpeg === undefined ? systemFfmpeg : newer;
    prepared.push(await prepare(folder, one, ffmpeg));
  }
  const node = await startHeadwater({ set: { 'viewer.waitForStream': '60s' } });
  for (let first = 0; first < cases.length; first += 3) {
    const wave = prepared.slice(first, first + 3);
    const settled = await Promise.allSettled(wave.map(async (one) => run(node, one)));
    for (const [index, result] of settled.entries()) runs.set(wave[index]?.name ?? '', result);
  }
}, 240_000);

interface Prepared {
  readonly name: string;
  readonly ffmpeg: Ffmpeg;
  readonly fixture: Fixture;
  readonly packets: readonly ProbePacket[];
}

async function prepare(folder: string, one: CodecCase, ffmpeg: Ffmpeg): Promise<Prepared> {
  const { name, video, audio } = one;
  const fixture = await makeFixture({
    folder,
    name,
    ffmpeg,
    ...(video === undefined ? {} : { video }),
    ...(audio === undefined ? {} : { audio }),
  });
  const { packets } = await probe(fixture.file, ffmpeg);
  return { name, ffmpeg, fixture, packets };
}

async function run(node: RunningHeadwater, prepared: Prepared): Promise<Run> {
  const { name, ffmpeg, fixture, packets } = prepared;
  const stream = join('live', name);
  const viewers = watchAll(node, stream);
  const probing = Promise.all([probe(node.rtmpUrl(stream), ffmpeg), probe(node.flvUrl(stream), ffmpeg)]);
  await waitUntil('every viewer has asked for the stream', () => viewers.every(({ hasAsked }) => hasAsked));
  const copy = ['-re', '-i', fixture.file, '-c', 'copy', '-f', 'flv', node.rtmpUrl(stream)];
  const publisher = startFfmpeg(copy, ffmpeg);
  const { code } = await publisher.exited;
  if (code !== 0) throw new Error(publisher.tail());
  await waitUntil('the stream has ended for every viewer', () =>
    viewers.every(({ end }) => end !== undefined),
  );
  const [rtmp, flv] = await probing;
  return { fixture, packets, viewers, probes: { rtmp, 'http-flv': flv } };
}

function resultOf(name: string): Run {
  const result = runs.get(name);
  if (result?.status !== 'fulfilled') throw new Error(`the run of ${name} failed`, { cause: result?.reason });
  return result.value;
}

describe.each(cases)('$name from ffmpeg', ({ name, codecs }) => {
  it.each(outputs)(
    'comes out of %s frame by frame, bytes untouched, times shifted by a constant',
    (output) => {
      const { fixture, viewers } = resultOf(name);
      const frames = viewers.find((viewer) => viewer.output === output)?.frames ?? [];
      expect(complaintsAbout(fixture.tags, frames)).toEqual([]);
      expect(frames.filter(({ kind }) => kind !== 'data').length).toBeGreaterThan(99);
    },
  );

  it('ends cleanly on every output', () => {
    expect(resultOf(name).viewers.map(({ end }) => end)).toEqual([
      'NetStream.Play.UnpublishNotify',
      'end',
      'close 1000',
    ]);
  });

  it.each(['rtmp', 'http-flv'] as const)('is read by ffprobe over %s without a lost packet', (output) => {
    const { packets, probes } = resultOf(name);
    const { streams, packets: read } = probes[output];
    expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(codecs);
    for (const kind of ['video', 'audio']) {
      const due = packets.filter(({ codec_type }) => codec_type === kind).map(({ data_hash }) => data_hash);
      const got = read.filter(({ codec_type }) => codec_type === kind).map(({ data_hash }) => data_hash);
      // ffprobe may have joined a little late.
      expect(got).toEqual(due.slice(due.length - got.length));
      expect(got.length).toBeGreaterThanOrEqual(due.length / 2);
    }
  });
});
