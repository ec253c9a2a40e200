// The origin's pulled sources: a run for each job that this node was given.
import type { Clock, Gauge, Logger, Metrics, PullJob, PullJobState } from '@headwater/contracts';
import type { Origin } from '../origin.ts';
import { PullBackoff, pullBackoffTimes } from './pull-backoff.ts';
import { PullRun, pullRunTimes, type PullCounters, type PullRunTimes } from './pull-run.ts';
import type { OpenPullSource } from './pull-source.ts';
import { openRtmpSource } from './rtmp-source.ts';
import { openRtspSource, rtspProgram } from './rtsp-source.ts';

/** What the pull ingest is made of. */
export interface PullIngestOptions {
  readonly origin: Pick<Origin, 'publish'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** 0 to 1, spreads retries. Default: `Math.random`. */
  readonly random?: () => number;
  readonly times?: PullRunTimes;
  /** The compiled program of RTSP sources, where it is not beside this file. */
  readonly rtspProgram?: URL;
}

/** Runs this node's pull jobs. Every failure of a source stays with its job. */
export class PullIngest {
  readonly #options: PullIngestOptions;
  readonly #logger: Logger;
  readonly #counters: PullCounters;
  readonly #jobs: Gauge;
  readonly #runs = new Map<string, PullRun>();
  #isClosed = false;

  constructor(options: PullIngestOptions) {
    const { logger, metrics } = options;
    this.#options = options;
    this.#logger = logger.child({ role: 'origin' });
    this.#counters = {
      attempts: metrics.counter({
        name: 'headwater_pull_attempts_total',
        help: 'Attempts to pull a source that are over, by how they ended.',
        labels: ['outcome'],
      }),
      bytes: metrics.counter({
        name: 'headwater_pull_bytes_total',
        help: 'Media received from pulled sources.',
        labels: ['protocol'],
      }),
      dropped: metrics.counter({
        name: 'headwater_pull_dropped_frames_total',
        help: 'Frames of pulled sources that arrived damaged, or that a decision about the stream took too long for.',
      }),
    };
    this.#jobs = metrics.gauge({
      name: 'headwater_pull_jobs',
      help: 'Pull jobs on this origin by state.',
      labels: ['state'],
    });
  }

  /** What runs from now on: new jobs start, those that are not listed stop, those with another source start anew. */
  setJobs(jobs: readonly PullJob[]): void {
    if (this.#isClosed) return;
    const wanted = new Map(jobs.map((job) => [job.id, job]));
    for (const [id, run] of this.#runs) {
      const job = wanted.get(id);
      if (job?.source === run.job.source && job.stream === run.job.stream) continue;
      this.#runs.delete(id);
      run.stop();
    }
    for (const [id, job] of wanted) if (!this.#runs.has(id)) this.#start(job);
    this.#count();
  }

  /** How each job stands, by its id. After `close` all are stopped. */
  states(): ReadonlyMap<string, PullJobState> {
    return new Map([...this.#runs].map(([id, run]) => [id, run.state]));
  }

  /** Stops everything. */
  close(): void {
    this.#isClosed = true;
    for (const run of this.#runs.values()) run.stop();
    this.#count();
  }

  #start(job: PullJob): void {
    const { clock, origin, random = Math.random, times = pullRunTimes } = this.#options;
    const run = new PullRun({
      job,
      origin,
      clock,
      times,
      logger: this.#logger,
      counters: this.#counters,
      backoff: new PullBackoff(pullBackoffTimes, random),
      open: this.#open,
      changed: () => this.#count(),
    });
    this.#runs.set(job.id, run);
    run.start();
  }

  readonly #open: OpenPullSource = (url, delegate) => {
    const { clock, rtspProgram: program = rtspProgram, times = pullRunTimes } = this.#options;
    if (url.toLowerCase().startsWith('rtsp:')) {
      return openRtspSource({ url, delegate, clock, program });
    }
    return openRtmpSource({ url, delegate, clock, startMs: times.connectMs });
  };

  #count(): void {
    const counts = { starting: 0, running: 0, retrying: 0, stopped: 0 };
    for (const run of this.#runs.values()) counts[run.state.state]++;
    for (const [state, count] of Object.entries(counts)) this.#jobs.set(count, { state });
  }
}
