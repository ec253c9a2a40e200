// A pull ingest on an origin with an edge behind it, whose clock follows the real one and can be moved ahead of it: what
// takes minutes by the clock takes a moment here, with real sockets, processes and servers.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type Logger,
  parseStreamKey,
  pullJob,
  silentMetrics,
  type PullJob,
  type PullJobState,
} from '@headwater/contracts';
import { PullIngest } from '@headwater/origin';
import { defer } from './cleanup.ts';
import { type LoggedLine, recordingLogger } from './recording-logger.ts';
import { StreamingPair } from './streaming-pair.ts';
import { waitUntil } from './wait-until.ts';

// Processes run the compiled program: they know nothing of the test runner's way with TypeScript.
const rtspProgram = pathToFileURL(
  resolve(import.meta.dirname, '../../packages/origin/dist/ingest/rtsp-process.js'),
);
const stepMs = 10;

/** Keeps the fields of child loggers, too, as lines of their own. */
function loggerInto(lines: LoggedLine[]): Logger {
  const logger: Logger = {
    ...recordingLogger(lines),
    child: (fields) => {
      lines.push({ level: 'debug', message: 'child', fields });
      return logger;
    },
  };
  return logger;
}

/** The rig; it goes away with the test. */
export class PullRig {
  readonly pair: StreamingPair;
  readonly ingest: PullIngest;
  readonly lines: LoggedLine[] = [];

  private constructor(pair: StreamingPair, program: URL) {
    this.pair = pair;
    this.ingest = new PullIngest({
      origin: pair.origin,
      clock: pair.clock,
      logger: loggerInto(this.lines),
      metrics: silentMetrics,
      random: () => 0.5,
      rtspProgram: program,
    });
  }

  /** `program` stands in for the one that fetches RTSP sources. */
  static async start(program: URL = rtspProgram): Promise<PullRig> {
    const pair = await StreamingPair.start();
    const rig = new PullRig(pair, program);
    let lastMs = performance.now();
    const pump = setInterval(() => {
      const nowMs = performance.now();
      pair.clock.advance(nowMs - lastMs);
      lastMs = nowMs;
    }, stepMs);
    defer(async () => {
      rig.ingest.close();
      clearInterval(pump);
      await pair.close();
    });
    return rig;
  }

  /** A job as the ingest gets it; its stream is `live/NAME`. */
  job(source: string, name: string): PullJob {
    return pullJob(source, parseStreamKey(`live/${name}`));
  }

  /** How the job of `live/NAME` stands. */
  state(name: string): PullJobState | undefined {
    return this.ingest.states().get(`live:${name}`);
  }

  /** Resolves when the job of `live/NAME` runs. */
  async runs(name: string): Promise<void> {
    await waitUntil(`the job ${name} runs`, () => this.state(name)?.state === 'running', {
      timeoutMs: 20_000,
    });
  }

  /** Resolves with what was wrong once the job of `live/NAME` waits for another try. */
  async fails(name: string): Promise<string> {
    return waitUntil(
      `the job ${name} has failed`,
      () => {
        const state = this.state(name);
        return state?.state === 'retrying' ? state.lastError : undefined;
      },
      { timeoutMs: 20_000 },
    );
  }
}
