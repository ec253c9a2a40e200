// Short recordings made by ffmpeg, as FLV files: what a test publishes, and what it expects to come out again.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classifyFrame, FlvReader, type FlvTag } from '@headwater/media';
import { type Ffmpeg, runFfmpeg, systemFfmpeg } from './ffmpeg.ts';

/** A recording on disk, and the FLV tags in it. */
export interface Fixture {
  readonly file: string;
  readonly tags: readonly FlvTag[];
}

/** How to make a recording. Codecs are ffmpeg's arguments; a kind without them is left out. */
export interface FixtureOptions {
  readonly folder: string;
  readonly name: string;
  readonly video?: readonly string[];
  readonly audio?: readonly string[];
  /** 4 unless told. */
  readonly seconds?: number;
  readonly ffmpeg?: Ffmpeg;
}

/** Arguments of an encoder that makes a keyframe each second of 25 frames. */
export const encoders = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'],
  h264Baseline: [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-g', '25'],
    ...['-pix_fmt', 'yuv420p'],
  ],
  h264BFrames: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '25', '-pix_fmt', 'yuv420p'],
  hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-g', '25', '-x265-params', 'log-level=error'],
  av1: ['-c:v', 'libsvtav1', '-preset', '12', '-g', '25', '-svtav1-params', 'pred-struct=1:lp=1'],
  vp9: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '25', '-b:v', '300k'],
  aac: ['-c:a', 'aac', '-ar', '44100'],
  mp3: ['-c:a', 'libmp3lame', '-ar', '44100'],
} as const;

/** ffmpeg's arguments for a moving test picture as input, without end. */
export const testPicture: readonly string[] = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
/** ffmpeg's arguments for a tone as input, without end. */
export const testTone: readonly string[] = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];

/** Makes a recording of a test picture and a tone. */
export async function makeFixture(options: FixtureOptions): Promise<Fixture> {
  const { folder, name, video, audio, seconds = 4, ffmpeg = systemFfmpeg } = options;
  const file = join(folder, `${name}.flv`);
  const inputs = [...(video === undefined ? [] : testPicture), ...(audio === undefined ? [] : testTone)];
  const codecs = [...(video ?? []), ...(audio ?? [])];
  await runFfmpeg([...inputs, '-t', String(seconds), ...codecs, '-f', 'flv', file], ffmpeg);
  return { file, tags: readFlv(await readFile(file)) };
}

/** The tags of a whole FLV file. */
export function readFlv(bytes: Buffer): FlvTag[] {
  const tags: FlvTag[] = [];
  new FlvReader().read(bytes, (tag) => tags.push(tag));
  return tags;
}

/** True for audio and video that is shown, not for what configures it. */
export function isMedia({ kind, payload }: Pick<FlvTag, 'kind' | 'payload'>): boolean {
  return kind !== 'data' && classifyFrame(kind, payload) !== 'header';
}

/** True for the sequence headers and the like of audio and video. */
export function isHeader({ kind, payload }: Pick<FlvTag, 'kind' | 'payload'>): boolean {
  return kind !== 'data' && classifyFrame(kind, payload) === 'header';
}
