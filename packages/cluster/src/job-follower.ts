// What a node does about jobs: it learns which ones are its own, by events and by a look at each heartbeat, and it
// remembers all of them, so that a store which lost its memory gets them back from any node that still knows them.
// While the registry is away everything stays as it was.
import { toAppError, type Clock, type Logger, type PullJob, type Timer } from '@headwater/contracts';
import type { JobEvent, JobListing, JobRecord, JobRegistry } from './job-registry.ts';
import type { NodeRef } from './node-record.ts';
import { isSameRun } from './ownership.ts';
import type { Watch } from './stream-registry.ts';

/** What a node has to do from now on. */
export interface JobAssignment {
  /** All jobs of this node. */
  readonly jobs: readonly PullJob[];
  /** Those of the assignment before that nobody is to do any more. */
  readonly removed: readonly PullJob[];
}

/** What a follower is made of. */
export interface JobFollowerOptions {
  readonly jobs: JobRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: NodeRef;
  /** The jobs of this node's configuration: added when it starts, and from then on jobs like all others. */
  readonly declared: readonly PullJob[];
  readonly maxJobs: number;
  /** True where no controller runs and there is no other node: every job is taken. */
  readonly takesAll: boolean;
  readonly periodMs: number;
  /** Called on each change of what this node has to do. */
  readonly assigned: (assignment: JobAssignment) => void;
}

/** Who adds many jobs causes many events; they are not each worth reading all jobs. */
const restMs = 100;

/** Follows the jobs for one node. Started and stopped once. */
export class JobFollower {
  readonly #options: JobFollowerOptions;
  #undeclared: readonly PullJob[];
  #known = new Map<string, JobRecord>();
  #version: string | undefined;
  #own = new Map<string, PullJob>();
  #timer: Timer | undefined;
  #watch: Watch | undefined;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #rest: { readonly timer: Timer; readonly end: () => void } | undefined;
  #isAway = false;
  #isStopped = false;

  constructor(options: JobFollowerOptions) {
    this.#options = options;
    this.#undeclared = options.declared;
  }

  /** Begins to follow. Whether the registry answers does not matter. */
  start(): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    const { jobs, clock, periodMs } = this.#options;
    this.#watch = jobs.watch((event) => {
      this.#heard(event);
    });
    this.#timer = clock.every(periodMs, () => void this.look());
    void this.look();
  }

  /** Looks now; resolves when that is done. Never rejects. */
  async look(): Promise<void> {
    if (this.#isStopped) return;
    // A look that is under way may have read what has changed since: one more follows it.
    this.#isWanted = true;
    this.#running ??= this.#run();
    await this.#running;
  }

  /** Hears no more. What the node does is left to it. Twice does nothing. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#watch?.close();
    this.#rest?.timer.cancel();
    this.#rest?.end();
    await this.#running;
  }

  #heard({ type, jobId, revision }: JobEvent): void {
    // Known to be removed, so that its absence is no loss.
    if (type === 'job_removed' && (this.#known.get(jobId)?.revision ?? 0) < revision) {
      this.#known.delete(jobId);
    }
    void this.look();
  }

  async #run(): Promise<void> {
    while (this.#goesOn()) {
      this.#isWanted = false;
      try {
        await this.#declare();
        await this.#read();
        if (this.#isAway) this.#options.logger.debug({}, 'jobs can be read again');
        this.#isAway = false;
      } catch (caught) {
        // Why is said once, by the registry itself.
        if (!this.#isAway) this.#options.logger.debug({ err: toAppError(caught) }, 'jobs cannot be read');
        this.#isAway = true;
      }
      if (this.#goesOn()) await this.#pause();
    }
    this.#running = undefined;
  }

  #goesOn(): boolean {
    return this.#isWanted && !this.#isStopped;
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#rest = { timer: this.#options.clock.after(restMs, resolve), end: resolve };
    });
    this.#rest = undefined;
  }

  async #declare(): Promise<void> {
    const { jobs, maxJobs, logger } = this.#options;
    while (this.#undeclared.length > 0) {
      const [job, ...rest] = this.#undeclared;
      if (job === undefined) return;
      const { outcome } = await jobs.add({ job, maxJobs, replaces: true });
      if (outcome === 'full') {
        logger.error({ job: job.id, maxJobs }, 'no room for a job of the configuration');
      } else if (outcome !== 'unchanged') {
        logger.info({ job: job.id, outcome }, 'job of the configuration added');
      }
      this.#undeclared = rest;
    }
  }

  async #read(): Promise<void> {
    let listing = await this.#options.jobs.jobs(this.#version);
    if (listing !== undefined && (await this.#restore(listing))) listing = await this.#options.jobs.jobs();
    if (listing !== undefined) this.#take(listing);
    if (this.#options.takesAll) await this.#takeAll();
  }

  /** Gives back what the store should have and has not; false when there is nothing. */
  async #restore({ jobs }: JobListing): Promise<boolean> {
    const listed = new Map(jobs.map(({ job, revision }) => [job.id, revision]));
    const lost = [...this.#known.values()].filter(
      ({ job, revision }) => (listed.get(job.id) ?? 0) < revision,
    );
    if (lost.length === 0) return false;
    const restored = await this.#options.jobs.restore(lost);
    // Otherwise they were removed, or somebody else was quicker.
    if (restored > 0) this.#options.logger.warn({ jobs: restored }, 'registry had lost jobs; restored them');
    return true;
  }

  #take({ version, jobs }: JobListing): void {
    const { node, assigned } = this.#options;
    this.#version = version;
    this.#known = new Map(jobs.map((record) => [record.job.id, record]));
    const before = this.#own;
    const mine = jobs.filter(({ assignee }) => assignee !== undefined && isSameRun(assignee, node));
    this.#own = new Map(mine.map(({ job }) => [job.id, job]));
    const isSame =
      before.size === this.#own.size && mine.every(({ job }) => before.get(job.id)?.source === job.source);
    if (isSame || this.#isStopped) return;
    const removed = [...before.values()].filter(({ id }) => !this.#known.has(id));
    assigned({ jobs: [...this.#own.values()], removed });
  }

  async #takeAll(): Promise<void> {
    const { jobs, node } = this.#options;
    const others = [...this.#known.values()].filter(({ job }) => !this.#own.has(job.id));
    for (const { job, revision } of others) {
      await jobs.assign({ token: 0, jobId: job.id, revision, assignee: node });
    }
    const listing = others.length === 0 ? undefined : await jobs.jobs(this.#version);
    if (listing !== undefined) this.#take(listing);
  }
}
