// `headwater check`: does a cluster do what it is for? Publishes the built-in clip at one address and watches it at another.
import { parseRtmpTarget, type RtmpTarget } from '@headwater/rtmp';
import { CliError } from '../cli/failure.ts';
import { expectListening } from '../demo/expect-listening.ts';
import { publishClip } from '../demo/publish-clip.ts';
import { exitCode } from '../exit-code.ts';
import { redactText } from '../redact.ts';
import { type PlayedStream, playHttpFlv } from './play-http-flv.ts';

/** Options of the command. */
export interface CheckOptions {
  readonly publish: string;
  readonly play: string;
  /** Seconds, as typed. */
  readonly timeout: string;
}

// A day. Timers do not take much more, and fire at once when they are given it.
const maxTimeoutMs = 86_400_000;

/** Publishes and plays; resolves with the exit code once enough was seen. Rejects with `CliError` saying what did not work. */
export async function runCheck(options: CheckOptions): Promise<number> {
  const target = targetOf(options.publish);
  expectHttp(options.play);
  const timeoutMs = Number(options.timeout) * 1000;
  if (!(timeoutMs > 0 && timeoutMs <= maxTimeoutMs)) {
    throw new CliError(exitCode.usage, '--timeout: expected a number of seconds, a day at most');
  }
  await expectListening(target);
  const stop = new AbortController();
  const { signal } = stop;
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const { started, ended } = publishing(target, signal);
    const played = await Promise.race([ended, playedOnceLive(options, started, signal)]);
    process.stdout.write(
      `${redactText(options.publish)} is shown at ${redactText(played.url)}: ${played.keyframes} keyframes of ${played.frames} frames\n`,
    );
    return exitCode.ok;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

async function playedOnceLive(
  { publish, play, timeout }: CheckOptions,
  started: Promise<void>,
  signal: AbortSignal,
): Promise<PlayedStream> {
  await Promise.race([started, aborted(signal)]);
  if (signal.aborted) {
    const message = `${redactText(publish)} took no publisher within ${timeout} s`;
    throw new CliError(exitCode.fault, message);
  }
  const played = await playHttpFlv(play, { signal });
  if (typeof played !== 'string') return played;
  const message = `${redactText(play)} showed no picture within ${timeout} s: ${played}`;
  throw new CliError(exitCode.fault, message);
}

/** `ended` rejects when the publisher fails, and never resolves. */
function publishing(
  target: RtmpTarget,
  signal: AbortSignal,
): { started: Promise<void>; ended: Promise<never> } {
  let started: (() => void) | undefined;
  const starting = new Promise<void>((resolve) => {
    started = resolve;
  });
  const ended = publishClip(target, { signal, started: () => started?.() }).then(
    async () => new Promise<never>(() => undefined),
  );
  // Once the check is over, nobody waits for it any more.
  ended.catch(() => undefined);
  return { started: starting, ended };
}

function targetOf(url: string): RtmpTarget {
  const target = parseRtmpTarget(url);
  if (target !== undefined && !target.isSecure) return target;
  throw new CliError(exitCode.usage, `--publish ${redactText(url)}: expected rtmp://HOST[:PORT]/APP/NAME`);
}

function expectHttp(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new CliError(exitCode.usage, `--play ${redactText(url)}: expected http://HOST[:PORT]/APP/NAME.flv`);
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
