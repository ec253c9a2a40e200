// A well-behaved publisher with one RTMP and one HTTP-FLV viewer that check every frame. It runs beside whatever a test
// does to the server, and says afterwards whether its viewers noticed.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { GoodStreamOptions, GoodStreamReport } from './good-stream-contract.ts';

const entry = fileURLToPath(new URL('./good-stream-process.ts', import.meta.url));
const tsxLoader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** A good stream in a process of its own. */
export class GoodStream {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Starts publishing and watching; resolves once every viewer has received frames, rejects with the reason. */
  static async start(options: GoodStreamOptions): Promise<GoodStream> {
    const child = fork(entry, [JSON.stringify(options)], { execArgv: ['--import', tsxLoader] });
    const answer = (await answerOf(child)) as { ready?: true; failed?: string };
    if (answer.failed !== undefined) {
      child.kill();
      throw new Error(answer.failed);
    }
    return new GoodStream(child);
  }

  /** Starts a new window: what was counted before is forgotten. */
  mark(): void {
    this.#process.send('mark');
  }

  /** What the viewers saw since the mark. */
  async report(): Promise<GoodStreamReport> {
    this.#process.send('report');
    const answer = (await answerOf(this.#process)) as { report: GoodStreamReport };
    return answer.report;
  }

  /** Ends publisher and viewers. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill();
    await exited;
  }
}

/** What the viewers noticed, one sentence each; empty when nothing. A gap counts beyond the bound. */
export function complaintsOf(report: GoodStreamReport, maxGapMs = 1000): string[] {
  const complaints = report.publisherClosed ? ['the good publisher was disconnected'] : [];
  for (const [viewer, seen] of Object.entries(report.viewers)) {
    const gapMs = Math.round(seen.maxGapMs - report.ownStallMs);
    if (seen.isClosed) complaints.push(`the good ${viewer} viewer was disconnected`);
    if (gapMs > maxGapMs) complaints.push(`the good ${viewer} viewer saw a gap of ${gapMs} ms`);
    if (seen.altered > 0) {
      complaints.push(`the good ${viewer} viewer got ${seen.altered} frames never published`);
    }
    if (seen.missing > 0) complaints.push(`the good ${viewer} viewer missed ${seen.missing} frames`);
    if (seen.disordered > 0) {
      complaints.push(`the good ${viewer} viewer got ${seen.disordered} frames out of order`);
    }
    if (seen.mistimed > 0) {
      complaints.push(`the good ${viewer} viewer got ${seen.mistimed} frames with a wrong time`);
    }
  }
  return complaints;
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const exited = once(child, 'exit', { signal: settled.signal }).then(() => {
    throw new Error('the process of the good stream has ended');
  });
  try {
    const [answer] = (await Promise.race([
      once(child, 'message', { signal: settled.signal }),
      exited,
    ])) as unknown[];
    return answer;
  } finally {
    exited.catch(() => undefined);
    settled.abort();
  }
}
