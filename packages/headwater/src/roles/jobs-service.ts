import { JobFollower, type JobAssignment, type JobRecord, type JobRegistry } from '@headwater/cluster';
import {
  AppError,
  isAppServed,
  shownSource,
  splitStreamKey,
  type Counter,
  type JobView,
  type PullJob,
} from '@headwater/contracts';
import { PullIngest, pullCredential, type Origin } from '@headwater/origin';
import type { JobDesk } from '../admin/job-desk.ts';
import type { NodeContext } from '../node-context.ts';
import type { Service } from '../service.ts';

/** What the jobs of a node are made of. */
export interface JobsServiceParts {
  readonly jobs: JobRegistry;
  /** Undefined where the node runs none itself. */
  readonly origin: Origin | undefined;
}

/** The jobs of the cluster as this node runs, adds and shows them. */
export class JobsService implements Service, JobDesk {
  readonly name = 'jobs';
  readonly #context: NodeContext;
  readonly #jobs: JobRegistry;
  readonly #origin: Origin | undefined;
  readonly #ingest: PullIngest | undefined;
  readonly #follower: JobFollower;
  readonly #changes: Counter;

  constructor(context: NodeContext, { jobs, origin }: JobsServiceParts) {
    const { clock, logger, metrics, node, config } = context;
    this.#context = context;
    this.#jobs = jobs;
    this.#origin = origin;
    this.#ingest = origin && new PullIngest({ origin, clock, logger, metrics });
    this.#changes = metrics.counter({
      name: 'headwater_job_changes_total',
      help: 'Jobs that were to be added or removed through this node, by outcome.',
      labels: ['change', 'outcome'],
    });
    this.#follower = new JobFollower({
      jobs,
      clock,
      logger,
      node,
      declared: config.jobs,
      maxJobs: config.limits.jobs,
      // Without a shared registry there is neither a controller nor another node.
      takesAll: origin !== undefined && config.registry.redis === undefined,
      periodMs: config.registry.heartbeatMs,
      assigned: (assignment) => {
        this.#assigned(assignment);
      },
    });
  }

  async start(): Promise<void> {
    // Who runs none and declares none has nothing to follow.
    if (this.#origin !== undefined || this.#context.config.jobs.length > 0) this.#follower.start();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#follower.stop();
    // The streams are held by edges for whoever goes on with them.
    this.#ingest?.close();
  }

  async list(): Promise<readonly JobView[]> {
    const listing = await this.#jobs.jobs();
    return (listing?.jobs ?? []).map((record) => this.#view(record));
  }

  async add(job: PullJob): Promise<{ readonly isNew: boolean; readonly job: JobView }> {
    const { apps, limits } = this.#context.config;
    const { app } = splitStreamKey(job.stream);
    if (!isAppServed(apps, app)) throw new AppError('app_unknown', { details: { app } });
    const result = await this.#jobs.add({ job, maxJobs: limits.jobs });
    this.#changes.add(1, { change: 'add', outcome: result.outcome });
    if (result.outcome === 'full') {
      throw new AppError('limit_reached', { details: { what: 'jobs of the cluster', limit: limits.jobs } });
    }
    if (result.outcome === 'conflict') {
      const current = shownSource(result.record.job.source);
      throw new AppError('job_conflict', { details: { job: job.id, source: current } });
    }
    if (result.outcome === 'added') this.#log(job, 'job added');
    return { isNew: result.outcome === 'added', job: this.#view(result.record) };
  }

  async remove(jobId: string): Promise<boolean> {
    const isRemoved = await this.#jobs.remove(jobId);
    this.#changes.add(1, { change: 'remove', outcome: isRemoved ? 'removed' : 'unknown' });
    if (isRemoved) this.#context.logger.info({ job: jobId }, 'job removed');
    return isRemoved;
  }

  #assigned({ jobs, removed }: JobAssignment): void {
    this.#ingest?.setJobs(jobs);
    // Nobody goes on with these, so that nobody need be kept waiting for them.
    for (const job of removed) {
      const stream = this.#origin?.streams.get(job.stream);
      if (stream?.credential === pullCredential(job)) this.#origin?.kick(job.stream);
    }
  }

  #view({ job, assignee }: JobRecord): JobView {
    const { id, kind, source, stream } = job;
    const run = this.#ingest?.states().get(id);
    return {
      id,
      kind,
      source: shownSource(source),
      stream,
      ...(assignee === undefined ? {} : { node: assignee.nodeId }),
      ...(run === undefined ? {} : { run }),
    };
  }

  #log({ id, source }: PullJob, message: string): void {
    this.#context.logger.info({ job: id, source: shownSource(source) }, message);
  }
}
