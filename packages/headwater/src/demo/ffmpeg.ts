// A test picture with a running clock and a tone, made by ffmpeg in real time.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { exitCode } from '../exit-code.ts';
import { CliError } from '../cli/failure.ts';

const maxMessageBytes = 4096;

/** True where there is an ffmpeg that can encode what the demo needs. */
export function hasFfmpeg(): boolean {
  const { status, stdout } = spawnSync('ffmpeg', ['-hide_banner', '-encoders'], {
    encoding: 'utf8',
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 && /\slibx264\s/.test(stdout) && /\saac\s/.test(stdout);
}

/** The arguments that publish the picture to a URL: H.264 baseline and AAC, a keyframe every 2 s. */
export function ffmpegArguments(url: string): string[] {
  const input = [
    ['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30'],
    ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:beep_factor=4:sample_rate=48000'],
  ];
  const video = ['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'veryfast', '-tune', 'zerolatency'];
  const rate = ['-pix_fmt', 'yuv420p', '-b:v', '1500k', '-maxrate', '1500k', '-bufsize', '3000k'];
  const gop = ['-g', '60', '-keyint_min', '60', '-sc_threshold', '0'];
  const audio = ['-c:a', 'aac', '-b:a', '96k', '-ac', '2'];
  return [...input.flat(), ...video, ...rate, ...gop, ...audio, '-f', 'flv', url];
}

/** Publishes by ffmpeg until `signal` aborts; rejects with `CliError` and ffmpeg's own words when it ends before. */
export async function publishWithFfmpeg(
  url: string,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const child = spawn('ffmpeg', ffmpegArguments(url), { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-maxMessageBytes);
  });
  options.signal.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  const [code] = (await once(child, 'close')) as [number | null];
  if (options.signal.aborted) return;
  throw new CliError(exitCode.fault, `ffmpeg ended (${code ?? 'killed'})\n${said.trim()}`);
}
