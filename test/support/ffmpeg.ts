// ffmpeg as publisher, player and judge.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { programsFromSuite } from '../../deploy/local/debian-suite.mjs';
import { type Child, runChild, startChild } from './child.ts';

const run = promisify(execFile);

/** An ffmpeg and the ffprobe that came with it. */
export interface Ffmpeg {
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

/** The system's own, whatever its version. */
export const systemFfmpeg: Ffmpeg = { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' };

/** Debian suites by the first major version of ffmpeg that they can be relied on for. */
const suites: readonly { readonly upTo: number; readonly suite: string }[] = [
  { upTo: 7, suite: 'trixie' },
  { upTo: 9, suite: 'sid' },
];

/**
 * An ffmpeg of at least that major version: the system's where it is new enough, else one unpacked from a newer Debian
 * suite (which takes some 20 s the first time; the test needs a timeout to match). 7 writes HEVC and AV1 in Enhanced
 * RTMP, 9 also Opus, FLAC, AC-3 and multitrack. Rejects, saying why, where it cannot be had.
 */
export async function ffmpegAtLeast(major: number): Promise<Ffmpeg> {
  if ((await systemMajor()) >= major) return systemFfmpeg;
  const suite = suites.find(({ upTo }) => major <= upTo)?.suite;
  if (suite === undefined) throw new Error(`no Debian suite is known to have ffmpeg ${major}`);
  const folder = await programsFromSuite({ suite, package: 'ffmpeg', programs: ['ffmpeg', 'ffprobe'] });
  return { ffmpeg: join(folder, 'ffmpeg'), ffprobe: join(folder, 'ffprobe') };
}

async function systemMajor(): Promise<number> {
  const { stdout } = await run(systemFfmpeg.ffmpeg, ['-version']);
  return Number(/^ffmpeg version n?(\d+)/.exec(stdout)?.[1] ?? 0);
}

/** Starts ffmpeg in the background, e.g. as a publisher. It ends with the test at the latest. */
export function startFfmpeg(args: readonly string[], ffmpeg: Ffmpeg = systemFfmpeg): Child {
  return startChild({ name: 'ffmpeg', program: ffmpeg.ffmpeg, args: [...quiet, ...args] });
}

/** Runs ffmpeg to its end. Rejects with what it printed when it fails. */
export async function runFfmpeg(args: readonly string[], ffmpeg: Ffmpeg = systemFfmpeg): Promise<Child> {
  return runChild({ name: 'ffmpeg', program: ffmpeg.ffmpeg, args: [...quiet, ...args] });
}

const quiet = ['-hide_banner', '-nostdin', '-nostats', '-y', '-loglevel', 'warning'];

/** The parts of ffprobe's answer that tests look at; numbers are text there, as ffprobe writes them. */
export interface ProbeResult {
  readonly streams: readonly ProbeStream[];
  readonly packets: readonly ProbePacket[];
}

/** A track. */
export interface ProbeStream {
  readonly index: number;
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_rate?: string;
  readonly channels?: number;
}

/** A packet, in file order. */
export interface ProbePacket {
  readonly codec_type: string;
  readonly stream_index: number;
  readonly pts_time?: string;
  readonly dts_time?: string;
  readonly size: string;
  readonly flags: string;
  readonly data_hash?: string;
}

/** Reads a file or URL to its end with ffprobe: tracks and packets, each packet with a hash of its data. */
export async function probe(input: string, ffmpeg: Ffmpeg = systemFfmpeg): Promise<ProbeResult> {
  const show = ['-show_streams', '-show_packets', '-show_data_hash', 'sha256', '-of', 'json'];
  const options = { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 };
  const { stdout } = await run(ffmpeg.ffprobe, ['-v', 'error', ...show, input], options);
  return JSON.parse(stdout) as ProbeResult;
}
