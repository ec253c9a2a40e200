// What no installed encoder publishes: our own publisher sends it, faster than real time, and every output gives it back.
import { beforeAll, describe, expect, it } from 'vitest';
import { type Frame, parseAudioTag, parseVideoTag } from '@headwater/media';
import { testFrames, type TestStreamOptions } from '@headwater/media/testing';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { complaintsAbout } from '../support/media-delivery.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { type MediaViewer, outputs, watch, watchAll } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

const enhancedRtmp = 1 | 2 | 4 | 8;

interface EnhancedCase {
  readonly name: string;
  readonly frames: readonly Frame[];
  /** What a player gets that knows nothing of several tracks; as it is where left out. */
  readonly singleTrack?: readonly Frame[];
}

interface Run {
  readonly viewers: readonly MediaViewer[];
  readonly oldPlayer: MediaViewer;
}

const frames = (options: TestStreamOptions): Frame[] => testFrames({ seconds: 3, gopSeconds: 1, ...options });
const vp9Opus = frames({ video: 'vp09', audio: 'Opus' });
const oneTrack = frames({ videoTracks: 2, isEnhanced: true });
const manyTracks = frames({ videoTracks: 3, multitrack: 'many-tracks', isEnhanced: true });

const cases: readonly EnhancedCase[] = [
  { name: 'vp9 and opus', frames: vp9Opus },
  { name: 'opus alone', frames: frames({ video: 'none', audio: 'Opus' }) },
  { name: 'av1 and flac', frames: withAudioCodec(frames({ video: 'av01', audio: 'Opus' }), 'fLaC') },
  { name: 'vp9 and ac-3', frames: withoutAudioHeaders(withAudioCodec(vp9Opus, 'ac-3')) },
  { name: 'h264 and aac by their four-letter names', frames: frames({ isEnhanced: true, hasBFrames: true }) },
  { name: 'hevc with nanoseconds', frames: frames({ video: 'hvc1' }).map(withNanoseconds) },
  { name: 'hevc by the old number 12', frames: frames({ audio: 'mp4a' }).map(asOldHevc) },
  { name: 'tracks that pass 32-bit time', frames: frames({ startTimestampMs: 2 ** 32 - 1500 }) },
  { name: 'two tracks', frames: oneTrack, singleTrack: oneTrack.filter((frame) => !isMultitrack(frame)) },
  { name: 'three tracks in one message', frames: manyTracks, singleTrack: manyTracks.map(firstTrack) },
];

const runs = new Map<string, PromiseSettledResult<Run>>();

beforeAll(async () => {
  const node = await startHeadwater();
  const settled = await Promise.allSettled(cases.map((one) => run(node, one)));
  for (const [index, result] of settled.entries()) runs.set(cases[index]?.name ?? '', result);
}, 120_000);

async function run(node: RunningHeadwater, one: EnhancedCase): Promise<Run> {
  const stream = `live/${one.name.replaceAll(' ', '-')}`;
  const publisher = await MediaPublisher.start(node.rtmpUrl(stream));
  const viewers = watchAll(node, stream, { capsEx: enhancedRtmp });
  const oldPlayer = watch(node, 'rtmp', stream);
  // Nobody can come too late as long as there is but one keyframe. Sound alone starts when it has waited for a picture.
  const secondGop = one.frames.findIndex((frame) => frame.timestampMs - firstTime(one.frames) >= 1000) + 5;
  const firstPart = one.frames.slice(0, hasVideo(one.frames) ? secondGop - 10 : secondGop);
  await publisher.send(firstPart);
  await waitUntil('every viewer sees the stream', () =>
    [...viewers, oldPlayer].every((viewer) => viewer.frames.some(isMedia)),
  );
  await publisher.send(one.frames.slice(firstPart.length));
  publisher.unpublish();
  await waitUntil('the stream has ended for every viewer', () =>
    [...viewers, oldPlayer].every(({ end }) => end !== undefined),
  );
  return { viewers, oldPlayer };
}

function resultOf(name: string): Run {
  const result = runs.get(name);
  if (result?.status !== 'fulfilled') throw new Error(`the run of ${name} failed`, { cause: result?.reason });
  return result.value;
}

describe.each(cases)('$name', ({ name, frames: sent, singleTrack = sent }) => {
  it.each(outputs)('comes out of %s as it went in', (output) => {
    const viewer = resultOf(name).viewers.find((candidate) => candidate.output === output);
    expect(complaintsAbout(sent, viewer?.frames ?? [])).toEqual([]);
  });

  it('reaches an RTMP player that never heard of Enhanced RTMP, of several tracks only the first', () => {
    expect(complaintsAbout(singleTrack, resultOf(name).oldPlayer.frames)).toEqual([]);
  });
});

it('the frames that were sent are what they are called', () => {
  const codecsOf = (name: string): string[] => {
    const media = cases.find((one) => one.name === name)?.frames.filter(isMedia) ?? [];
    const codecs = media.map(({ kind, payload }) =>
      kind === 'video' ? parseVideoTag(payload).codec : parseAudioTag(payload).codec,
    );
    return [...new Set(codecs)].sort();
  };
  expect(codecsOf('av1 and flac')).toEqual(['av01', 'fLaC']);
  expect(codecsOf('vp9 and ac-3')).toEqual(['ac-3', 'vp09']);
  expect(codecsOf('hevc by the old number 12')).toEqual(['hvc1', 'mp4a']);
  const nanoseconds = cases.find(({ name }) => name === 'hevc with nanoseconds')?.frames.find(isMedia);
  expect(parseVideoTag(nanoseconds?.payload ?? Buffer.alloc(0))).toMatchObject({
    codec: 'hvc1',
    nanosecondOffset: 123_456,
  });
});

function firstTime(all: readonly Frame[]): number {
  return all.find(isMedia)?.timestampMs ?? 0;
}

function hasVideo(all: readonly Frame[]): boolean {
  return all.some(({ kind }) => kind === 'video');
}

function edited(frame: Frame, edit: (payload: Buffer) => Buffer): Frame {
  return { ...frame, payload: edit(frame.payload) };
}

function withAudioCodec(all: readonly Frame[], fourCc: string): Frame[] {
  const head = Buffer.from(fourCc, 'latin1');
  const rename = (payload: Buffer): Buffer =>
    Buffer.concat([payload.subarray(0, 1), head, payload.subarray(5)]);
  return all.map((frame) => (frame.kind === 'audio' ? edited(frame, rename) : frame));
}

function withoutAudioHeaders(all: readonly Frame[]): Frame[] {
  return all.filter(({ kind, role }) => kind !== 'audio' || role !== 'header');
}

// ModEx (packet type 7): a size less one, the data, then the type of the extension and the packet type proper.
function withNanoseconds(frame: Frame): Frame {
  if (frame.kind !== 'video' || frame.role === 'header') return frame;
  return edited(frame, (payload) => {
    const first = payload[0] ?? 0;
    const modEx = Buffer.from([(first & 0xf0) | 7, 2, 0x01, 0xe2, 0x40, first & 0x0f]);
    return Buffer.concat([modEx, payload.subarray(1)]);
  });
}

function asOldHevc(frame: Frame): Frame {
  if (frame.kind !== 'video') return frame;
  return edited(frame, (payload) =>
    Buffer.concat([Buffer.from([((payload[0] ?? 0) & 0xf0) | 12]), payload.subarray(1)]),
  );
}

function isMultitrack({ kind, payload }: Frame): boolean {
  return kind === 'video' && (payload[0] ?? 0) >= 0x80 && ((payload[0] ?? 0) & 0x0f) === 6;
}

// ManyTracks: head, types, FourCC, then for each track its number, a 24-bit size and the body.
function firstTrack(frame: Frame): Frame {
  if (!isMultitrack(frame)) return frame;
  return edited(frame, (payload) => {
    const head = ((payload[0] ?? 0) & 0xf0) | ((payload[1] ?? 0) & 0x0f);
    const body = payload.subarray(10, 10 + payload.readUIntBE(7, 3));
    return Buffer.concat([Buffer.from([head]), payload.subarray(2, 6), body]);
  });
}
