// One job on this node: connects its source, publishes what comes, and tries again when anything ends. A failure of a
// source, of the engine or of the publication is caught here, and ends the attempt alone.
import { createHash } from 'node:crypto';
import {
  shownSource,
  toAppError,
  type Clock,
  type CloseReason,
  type Counter,
  type Logger,
  type PullJob,
  type PullJobState,
  type Timer,
} from '@headwater/contracts';
import type { Origin } from '../origin.ts';
import type { PullBackoff } from './pull-backoff.ts';
import { PullPublication } from './pull-publication.ts';
import {
  shownReason,
  type OpenPullSource,
  type PullFailure,
  type PullOutcome,
  type PullSource,
} from './pull-source.ts';

/** Deadlines of a run, in ms. */
export interface PullRunTimes {
  /** From the beginning of an attempt until the source has agreed to send. */
  readonly connectMs: number;
  /** Without a frame, the source counts as gone. */
  readonly silenceMs: number;
  /** After another publisher took the stream over: it is only asked for again when the job is still here. */
  readonly replacedMs: number;
}

/** 10 s each. */
export const pullRunTimes: PullRunTimes = { connectMs: 10_000, silenceMs: 10_000, replacedMs: 10_000 };

/** The counters that all runs share. */
export interface PullCounters {
  readonly attempts: Counter;
  readonly bytes: Counter;
  readonly dropped: Counter;
}

/** What a run is made of. */
export interface PullRunOptions {
  readonly job: PullJob;
  readonly origin: Pick<Origin, 'publish'>;
  readonly open: OpenPullSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: PullCounters;
  readonly backoff: PullBackoff;
  readonly times: PullRunTimes;
  /** The state changed. */
  changed(): void;
}

/** What belongs to one attempt; compared by identity, so that what an old one says late is not heard. */
interface Attempt {
  readonly publication: PullPublication;
  source?: PullSource;
  deadline?: Timer;
  lastMediaMs: number;
  runningSinceMs?: number;
}

/** A job's run. It begins with `start`; `stop` is final. */
export class PullRun {
  readonly job: PullJob;
  readonly #options: PullRunOptions;
  readonly #logger: Logger;
  readonly #protocol: 'rtmp' | 'rtsp';
  #state: PullJobState['state'] = 'starting';
  #stateSinceMs: number;
  #attempts = 0;
  #lastError: string | undefined;
  #attempt: Attempt | undefined;
  #retry: Timer | undefined;

  constructor(options: PullRunOptions) {
    const { job, clock, logger } = options;
    this.job = job;
    this.#options = options;
    this.#protocol = job.source.toLowerCase().startsWith('rtsp:') ? 'rtsp' : 'rtmp';
    this.#logger = logger.child({ job: job.id, stream: job.stream, source: shownSource(job.source) });
    this.#stateSinceMs = clock.nowMs();
  }

  get state(): PullJobState {
    return {
      state: this.#state,
      attempts: this.#attempts,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      sinceMs: Math.round(this.#options.clock.nowMs() - this.#stateSinceMs),
    };
  }

  /** Begins the first attempt. */
  start(): void {
    this.#logger.info({}, 'pull job started');
    this.#begin();
  }

  /** Ends it for good: its stream is held for whoever goes on with the job. */
  stop(): void {
    if (this.#state === 'stopped') return;
    this.#retry?.cancel();
    if (this.#attempt !== undefined) this.#end(this.#attempt, 'stopped', 'client_closed');
    this.#enter('stopped');
    this.#logger.info({ attempts: this.#attempts }, 'pull job stopped');
  }

  #begin(): void {
    const { clock, job, open, times } = this.#options;
    this.#attempts++;
    this.#enter('starting');
    const attempt: Attempt = {
      lastMediaMs: clock.nowMs(),
      publication: new PullPublication(job.stream, {
        accepted: () => {
          if (attempt === this.#attempt) this.#noteRunning(attempt);
        },
        refused: (error) => this.#fail(attempt, { outcome: 'unpublished', why: error.message }),
        closed: (reason) => this.#publicationClosed(attempt, reason),
      }),
    };
    this.#attempt = attempt;
    const why = `the source did not begin to send within ${times.connectMs / 1_000} s`;
    attempt.deadline = clock.after(times.connectMs, () => this.#fail(attempt, { outcome: 'timeout', why }));
    const source = open(job.source, {
      started: () => {
        if (attempt === this.#attempt) this.#publish(attempt);
      },
      media: (kind, timestampMs, payload) => {
        if (attempt !== this.#attempt) return;
        attempt.lastMediaMs = clock.nowMs();
        this.#options.counters.bytes.add(payload.length, { protocol: this.#protocol });
        this.#dropped(attempt.publication.media(kind, timestampMs, payload));
        this.#noteRunning(attempt);
      },
      dropped: (frames) => this.#dropped(frames),
      closed: (failure) => this.#fail(attempt, failure),
    });
    if (attempt === this.#attempt) attempt.source = source;
    else source.close();
  }

  #publish(attempt: Attempt): void {
    const { clock, job, origin } = this.#options;
    attempt.deadline?.cancel();
    attempt.lastMediaMs = clock.nowMs();
    this.#watchSilence(attempt);
    void origin.publish(attempt.publication, {
      sessionId: `pull-${job.id}-${String(this.#attempts)}`,
      protocol: this.#protocol,
      remoteAddress: URL.canParse(job.source) ? new URL(job.source).host : '',
      ownCredential: pullCredential(job),
    });
  }

  /** Checks when the silence would be long enough, rather than with every frame. */
  #watchSilence(attempt: Attempt): void {
    const { clock, times } = this.#options;
    const leftMs = attempt.lastMediaMs + times.silenceMs - clock.nowMs();
    if (leftMs <= 0) {
      const why = `the source sent nothing for ${times.silenceMs / 1_000} s`;
      this.#fail(attempt, { outcome: 'silent', why });
    } else {
      attempt.deadline = clock.after(leftMs, () => this.#watchSilence(attempt));
    }
  }

  #noteRunning(attempt: Attempt): void {
    if (!attempt.publication.isAccepted || attempt.runningSinceMs !== undefined) return;
    attempt.runningSinceMs = this.#options.clock.nowMs();
    this.#enter('running');
    this.#logger.info({ attempt: this.#attempts }, 'pull running');
  }

  #publicationClosed(attempt: Attempt, reason: CloseReason): void {
    if (reason === 'replaced') {
      const why = 'another publisher took the stream over';
      this.#fail(attempt, { outcome: 'replaced', why }, this.#options.times.replacedMs);
    } else {
      this.#fail(attempt, { outcome: 'unpublished', why: `the stream was closed here (${reason})` });
    }
  }

  #fail(attempt: Attempt, failure: PullFailure, leastDelayMs: number = 0): void {
    if (attempt !== this.#attempt) return;
    const { backoff, clock, job } = this.#options;
    const ranMs = attempt.runningSinceMs === undefined ? 0 : clock.nowMs() - attempt.runningSinceMs;
    const { outcome } = failure;
    const why = shownReason(failure.why, job.source);
    this.#end(attempt, outcome, 'publisher_lost');
    this.#lastError = why;
    this.#enter('retrying');
    const retryInMs = Math.max(leastDelayMs, backoff.next(ranMs));
    this.#logger.warn(
      { outcome, why, attempt: this.#attempts, ranMs: Math.round(ranMs), retryInMs },
      'pull failed',
    );
    this.#retry = clock.after(retryInMs, () => this.#begin());
  }

  #end(attempt: Attempt, outcome: PullOutcome, reason: CloseReason): void {
    this.#attempt = undefined;
    attempt.deadline?.cancel();
    this.#options.counters.attempts.add(1, { outcome });
    try {
      attempt.publication.end(reason);
      attempt.source?.close();
    } catch (caught) {
      this.#logger.error({ err: toAppError(caught) }, 'pull attempt did not end cleanly');
    }
  }

  #dropped(frames: number): void {
    if (frames > 0) this.#options.counters.dropped.add(frames);
  }

  #enter(state: PullJobState['state']): void {
    if (state === this.#state && this.#attempts > 1) return;
    this.#state = state;
    this.#stateSinceMs = this.#options.clock.nowMs();
    this.#options.changed();
  }
}

/** What a job publishes with: the same on every node, so that whoever gets it takes its stream over at once. No token hashes to it. */
export function pullCredential(job: PullJob): string {
  return `pull:${createHash('sha256').update(job.id).digest('hex')}`;
}
