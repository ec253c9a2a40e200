// Streams as encoders send them: headers with real codec configurations, keyframes much larger than the rest, tracks
// interleaved by time. The coded data itself is noise.
import type { Frame } from '../frame.ts';
import { classifyFrame } from '../tag-header-role.ts';
import { codecConfigurations } from './codec-bytes.ts';
import { type EnhancedTagOptions, enhancedAudio, enhancedVideo, u24 } from './tag-bytes.ts';

/** What a generated stream looks like. Equal options give equal bytes. */
export interface TestStreamOptions {
  /** 4 unless told. */
  readonly seconds?: number;
  /** 25 unless told. */
  readonly fps?: number;
  /** 2 unless told. */
  readonly gopSeconds?: number;
  /** Bits per second, 500,000 unless told; the sum of all video payloads is close to it. */
  readonly videoBitrate?: number;
  /** Bits per second, 96,000 unless told. */
  readonly audioBitrate?: number;
  /** `avc1` unless told; in legacy form unless `isEnhanced`. */
  readonly video?: 'avc1' | 'hvc1' | 'av01' | 'vp09' | 'none';
  /** `mp4a` unless told; it and `.mp3` in legacy form unless `isEnhanced`. */
  readonly audio?: 'mp4a' | 'Opus' | '.mp3' | 'none';
  readonly isEnhanced?: boolean;
  /** Video tracks, ids from 0. Further ones come as multitrack messages. */
  readonly videoTracks?: number;
  /** `one-track` (unless told): a message of its own for each further track; else all tracks share each message. */
  readonly multitrack?: 'one-track' | 'many-tracks' | 'many-tracks-many-codecs';
  readonly hasBFrames?: boolean;
  /** True unless told. */
  readonly hasMetadata?: boolean;
  readonly startTimestampMs?: number;
  readonly firstSequence?: number;
  readonly seed?: number;
}

type Compiled = Required<TestStreamOptions>;
type Unnumbered = Pick<Frame, 'kind' | 'timestampMs' | 'payload'>;

const keyframeWeight = 8;
const audioFrameMs: Readonly<Record<string, number>> = { mp4a: 1024 / 44.1, Opus: 20, '.mp3': 1152 / 44.1 };
// The first bytes of coded data: a NAL unit header behind its length, an OBU, a frame header, a sync word.
const keyStart: Readonly<Record<string, number[]>> = {
  avc1: [0x65, 0x88],
  hvc1: [0x26, 0x01],
  av01: [0x12, 0x00],
};
const interStart: Readonly<Record<string, number[]>> = {
  avc1: [0x41, 0x9a],
  hvc1: [0x02, 0x01],
  av01: [0x12, 0x00],
};

/** A whole stream in order of sending: metadata, headers, then media by time, starting with a keyframe. */
export function testFrames(options: TestStreamOptions = {}): Frame[] {
  const stream = compile(options);
  const noise = new Noise(stream.seed);
  const start = stream.startTimestampMs;
  const media = [...videoFrames(stream, noise), ...audioFrames(stream, noise)];
  // Stable, so that video stays before audio of the same time.
  media.sort((a, b) => a.timestampMs - b.timestampMs);
  const first: Unnumbered[] = [];
  if (stream.hasMetadata) first.push({ kind: 'data', timestampMs: start, payload: metadata(stream) });
  for (const payload of videoHeaders(stream)) first.push({ kind: 'video', timestampMs: start, payload });
  for (const payload of audioHeaders(stream)) first.push({ kind: 'audio', timestampMs: start, payload });
  return [...first, ...media].map((frame, index) =>
    testFrame({ ...frame, sequence: stream.firstSequence + index }),
  );
}

/** A frame with its role found from the payload, number 0 and time 0 unless told. */
export function testFrame(frame: Pick<Frame, 'kind' | 'payload'> & Partial<Frame>): Frame {
  return { role: classifyFrame(frame.kind, frame.payload), sequence: 0, timestampMs: 0, ...frame };
}

function compile(options: TestStreamOptions): Compiled {
  return {
    seconds: 4,
    fps: 25,
    gopSeconds: 2,
    videoBitrate: 500_000,
    audioBitrate: 96_000,
    video: 'avc1',
    audio: 'mp4a',
    isEnhanced: false,
    videoTracks: 1,
    multitrack: 'one-track',
    hasBFrames: false,
    hasMetadata: true,
    startTimestampMs: 0,
    firstSequence: 0,
    seed: 1,
    ...options,
  };
}

function videoHeaders(stream: Compiled): Buffer[] {
  const { video } = stream;
  if (video === 'none') return [];
  const body = codecConfigurations[video] ?? Buffer.alloc(0);
  return videoMessages(stream, { isKey: true, packetType: 0, compositionOffsetMs: 0, body: () => body });
}

function videoFrames(stream: Compiled, noise: Noise): Unnumbered[] {
  const { video, fps, seconds, startTimestampMs } = stream;
  if (video === 'none') return [];
  const framesPerGop = Math.max(1, Math.round(stream.gopSeconds * fps));
  const trackBitrate = stream.videoBitrate / stream.videoTracks;
  const unitBytes = (trackBitrate / 8 / fps) * (framesPerGop / (framesPerGop - 1 + keyframeWeight));
  const frames: Unnumbered[] = [];
  for (let index = 0; index < Math.round(seconds * fps); index++) {
    const isKey = index % framesPerGop === 0;
    const coded: CodedVideo = {
      isKey,
      packetType: 1,
      compositionOffsetMs: stream.hasBFrames
        ? Math.round((bFrameOffset(index % framesPerGop) * 1000) / fps)
        : 0,
      body: () => codedVideo(video, isKey, noise, Math.round(unitBytes * (isKey ? keyframeWeight : 1))),
    };
    const timestampMs = startTimestampMs + Math.round((index * 1000) / fps);
    for (const payload of videoMessages(stream, coded)) frames.push({ kind: 'video', timestampMs, payload });
  }
  return frames;
}

interface CodedVideo {
  readonly isKey: boolean;
  readonly packetType: 0 | 1;
  readonly compositionOffsetMs: number;
  body(): Buffer;
}

// Decoding order I P B B P B B …: in frames, with one frame of delay.
function bFrameOffset(indexInGop: number): number {
  if (indexInGop === 0) return 1;
  return indexInGop % 3 === 1 ? 3 : 0;
}

function videoMessages(stream: Compiled, coded: CodedVideo): Buffer[] {
  const fourCc = stream.video;
  const frameType = coded.isKey ? 1 : 2;
  const hasOffset = coded.packetType === 1 && (fourCc === 'avc1' || fourCc === 'hvc1');
  const offset = hasOffset ? u24(coded.compositionOffsetMs) : Buffer.alloc(0);
  const body = (): Buffer => Buffer.concat([offset, coded.body()]);
  const enhanced: EnhancedTagOptions = { frameType, packetType: coded.packetType, fourCc };
  const trackIds = Array.from({ length: stream.videoTracks }, (_, trackId) => trackId);
  if (stream.videoTracks > 1 && stream.multitrack !== 'one-track') {
    const code = stream.multitrack === 'many-tracks' ? 1 : 2;
    const tracks = trackIds.map((trackId) => ({ trackId, body: body() }));
    return [enhancedVideo({ ...enhanced, multitrack: { code, tracks } })];
  }
  return trackIds.map((trackId) => {
    if (trackId > 0) {
      return enhancedVideo({ ...enhanced, multitrack: { code: 0, tracks: [{ trackId, body: body() }] } });
    }
    if (fourCc !== 'avc1' || stream.isEnhanced) return enhancedVideo({ ...enhanced, body: body() });
    const head = Buffer.from([(frameType << 4) | 7, coded.packetType]);
    return Buffer.concat([head, u24(coded.compositionOffsetMs), coded.body()]);
  });
}

function codedVideo(codec: string, isKey: boolean, noise: Noise, bytes: number): Buffer {
  const start = Buffer.from((isKey ? keyStart : interStart)[codec] ?? [isKey ? 0x82 : 0x86]);
  const data = Buffer.concat([start, noise.bytes(Math.max(1, bytes - 16))]);
  if (codec !== 'avc1' && codec !== 'hvc1') return data;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, data]);
}

function audioHeaders({ audio, isEnhanced }: Compiled): Buffer[] {
  const body = codecConfigurations[audio];
  if (body === undefined) return [];
  if (audio === 'Opus' || isEnhanced) return [enhancedAudio({ packetType: 0, fourCc: audio, body })];
  return [Buffer.concat([Buffer.from([0xaf, 0]), body])];
}

function audioFrames(stream: Compiled, noise: Noise): Unnumbered[] {
  const { audio, seconds, startTimestampMs } = stream;
  const frameMs = audioFrameMs[audio];
  if (frameMs === undefined) return [];
  const bytes = Math.max(8, Math.round((stream.audioBitrate * frameMs) / 8000) - 2);
  const frames: Unnumbered[] = [];
  for (let index = 0; index * frameMs < seconds * 1000; index++) {
    const timestampMs = startTimestampMs + Math.round(index * frameMs);
    frames.push({ kind: 'audio', timestampMs, payload: audioMessage(stream, noise.bytes(bytes)) });
  }
  return frames;
}

function audioMessage({ audio, isEnhanced }: Compiled, data: Buffer): Buffer {
  const body =
    audio === '.mp3' ? Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), data.subarray(4)]) : data;
  if (audio === 'Opus' || isEnhanced) return enhancedAudio({ packetType: 1, fourCc: audio, body });
  return Buffer.concat([Buffer.from(audio === '.mp3' ? [0x2f] : [0xaf, 1]), body]);
}

function metadata({ video, audio, fps }: Compiled): Buffer {
  const properties: [string, number][] = [];
  if (video !== 'none') properties.push(['width', 1280], ['height', 720], ['framerate', fps]);
  if (video === 'avc1') properties.push(['videocodecid', 7]);
  if (audio !== 'none') properties.push(['audiosamplerate', audio === 'Opus' ? 48_000 : 44_100]);
  const entries = properties.map(([name, value]) => {
    const number = Buffer.alloc(9);
    number.writeDoubleBE(value, 1);
    return Buffer.concat([amfName(name), number]);
  });
  const count = Buffer.from([8, 0, 0, 0, entries.length]);
  return Buffer.concat([Buffer.from([2]), amfName('onMetaData'), count, ...entries, Buffer.from([0, 0, 9])]);
}

function amfName(name: string): Buffer {
  return Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name, 'latin1')]);
}

// xorshift32: the same bytes for the same seed, on every machine.
class Noise {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc((count + 3) & ~3);
    for (let offset = 0; offset < bytes.length; offset += 4) {
      let x = this.#state;
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#state = x;
      bytes.writeInt32LE(x, offset);
    }
    return bytes.subarray(0, count);
  }
}
