// A real RTSP server: GStreamer's, with its Python bindings, in a process of its own.
import { resolve } from 'node:path';
import { type Child, startChild } from './child.ts';
import { runFfmpeg } from './ffmpeg.ts';
import { waitUntil } from './wait-until.ts';

/** What it plays, from the beginning for everybody who asks. */
export interface RtspServerOptions {
  /** An MP4 file. */
  readonly file: string;
  /** A free one unless told. */
  readonly port?: number;
  readonly video?: 'h264' | 'h265' | 'none';
  readonly audio?: 'aac' | 'none';
  /** 96 unless told; audio has 97. */
  readonly videoPayloadType?: number;
  readonly auth?: { readonly type: 'basic' | 'digest'; readonly user: string; readonly password: string };
}

/** A running server. It ends with the test at the latest. */
export interface RtspServer {
  readonly child: Child;
  readonly port: number;
  /** Without user name and password. */
  readonly url: string;
}

// Debian's own: the bindings belong to the system's Python, whatever else is on the path.
const python = '/usr/bin/python3';
const script = resolve(import.meta.dirname, 'rtsp-server.py');

/** Starts one and resolves when it listens. */
export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const { file, port = 0, video = 'h264', audio = 'aac', videoPayloadType = 96, auth } = options;
  const args = ['--file', file, '--port', String(port), '--video', video, '--audio', audio];
  args.push('--video-payload-type', String(videoPayloadType));
  if (auth !== undefined) {
    args.push('--auth', auth.type, '--user', auth.user, '--password', auth.password);
  }
  const child = startChild({ name: 'rtsp-server', program: python, args: [script, ...args] });
  const listening = await waitUntil(
    'the RTSP server listens',
    () => {
      if (child.exit !== undefined) throw new Error(`the RTSP server ended\n${child.tail()}`);
      return /listening on (\d+)/.exec(child.stdout)?.[1];
    },
    { timeoutMs: 20_000 },
  );
  return { child, port: Number(listening), url: `rtsp://127.0.0.1:${listening}/cam` };
}

/** The same recording as the MP4 file that the server plays. */
export async function remuxToMp4(file: string): Promise<string> {
  const copy = `${file}.mp4`;
  await runFfmpeg(['-i', file, '-map', '0', '-c', 'copy', copy]);
  return copy;
}
