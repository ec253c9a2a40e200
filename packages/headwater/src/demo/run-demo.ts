// `headwater demo`: something to watch, without a camera.
import { parseRtmpTarget, type RtmpTarget } from '@headwater/rtmp';
import { CliError } from '../cli/failure.ts';
import { exitCode } from '../exit-code.ts';
import { redactText } from '../redact.ts';
import { StopSignals } from '../stop-signals.ts';
import { expectListening } from './expect-listening.ts';
import { hasFfmpeg, publishWithFfmpeg } from './ffmpeg.ts';
import { publishClip } from './publish-clip.ts';

/** Options of the command. */
export interface DemoOptions {
  readonly url: string;
  /** Loop the built-in clip even where ffmpeg is there. */
  readonly clip: boolean;
}

/** Publishes until a signal; resolves with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const target = targetOf(options.url);
  await expectListening(target);
  const stop = new AbortController();
  const signals = new StopSignals(() => process.exit(exitCode.fault));
  void signals.first.then(() => stop.abort());
  const { signal } = stop;
  const announce = (what: string): void => {
    process.stdout.write(`publishing ${what} to ${redactText(options.url)} (Ctrl-C to stop)\n`);
  };
  try {
    if (options.clip || !hasFfmpeg()) {
      await publishClip(target, { signal, started: () => announce('the built-in clip') });
    } else {
      announce('a test picture made by ffmpeg');
      await publishWithFfmpeg(options.url, { signal });
    }
  } finally {
    signals.close();
  }
  return exitCode.ok;
}

function targetOf(url: string): RtmpTarget {
  const target = parseRtmpTarget(url);
  if (target === undefined || target.isSecure) {
    throw new CliError(exitCode.usage, `--url ${redactText(url)}: expected rtmp://HOST[:PORT]/APP/NAME`);
  }
  return target;
}
