/* eslint-disable @typescript-eslint/require-await -- async turns every throw into a rejection, as callers expect */
import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '@headwater/contracts';
import { EventFeed } from './event-feed.ts';
import type { FencedOutcome } from './failover-registry.ts';
import {
  rememberedJobs,
  type AddJobRequest,
  type AddJobResult,
  type AssignJobRequest,
  type JobEvent,
  type JobListing,
  type JobRecord,
  type JobRegistry,
} from './job-registry.ts';
import type { NodeRef } from './node-record.ts';
import { isSameRun } from './ownership.ts';
import type { Watch } from './stream-registry.ts';

/** What the jobs need of the registry that they belong to. */
export interface MemoryJobRegistryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Comes before each call; throws when the registry is closed. */
  readonly begin: () => void;
  readonly mayWrite: (token: number) => boolean;
  readonly isAlive: (node: NodeRef) => boolean;
}

/** What a memory of jobs held at some moment; opaque. */
export interface SavedJobs {
  readonly jobs: ReadonlyMap<string, JobRecord>;
  readonly removed: ReadonlyMap<string, number>;
}

/** `JobRegistry` in this process's memory, a part of a `MemoryStreamRegistry`. */
export class MemoryJobRegistry implements JobRegistry {
  readonly #options: MemoryJobRegistryOptions;
  readonly #feed: EventFeed<JobEvent>;
  #jobs = new Map<string, JobRecord>();
  /** Id → the revision of the removal. */
  #removed = new Map<string, number>();
  #version = randomUUID();

  constructor(options: MemoryJobRegistryOptions) {
    this.#options = options;
    this.#feed = new EventFeed(options.logger);
  }

  async add({ job, maxJobs, replaces = false }: AddJobRequest): Promise<AddJobResult> {
    this.#options.begin();
    const current = this.#jobs.get(job.id);
    if (current?.job.source === job.source) return { outcome: 'unchanged', record: current };
    if (current !== undefined && !replaces) return { outcome: 'conflict', record: current };
    if (current === undefined && this.#jobs.size >= maxJobs) return { outcome: 'full' };
    const { assignee } = current ?? {};
    const record = { job, revision: this.#nextRevision(job.id), ...(assignee && { assignee }) };
    this.#put('job_added', record);
    return { outcome: current === undefined ? 'added' : 'replaced', record };
  }

  async remove(jobId: string): Promise<boolean> {
    this.#options.begin();
    if (!this.#jobs.has(jobId)) return false;
    const revision = this.#nextRevision(jobId);
    this.#jobs.delete(jobId);
    this.#rememberRemoval(jobId, revision);
    this.#version = randomUUID();
    this.#feed.emit({ type: 'job_removed', jobId, revision });
    return true;
  }

  async jobs(known?: string): Promise<JobListing | undefined> {
    this.#options.begin();
    if (known === this.#version) return undefined;
    const jobs = [...this.#jobs.values()].sort((a, b) => (a.job.id < b.job.id ? -1 : 1));
    return { version: this.#version, jobs };
  }

  async assign({ token, jobId, revision, assignee }: AssignJobRequest): Promise<FencedOutcome> {
    this.#options.begin();
    if (!this.#options.mayWrite(token)) return 'fenced';
    const current = this.#jobs.get(jobId);
    if (current?.revision !== revision) return 'conflict';
    if (current.assignee !== undefined && isSameRun(current.assignee, assignee)) return 'unchanged';
    if (!this.#options.isAlive(assignee)) return 'conflict';
    const { nodeId, incarnation } = assignee;
    const next = { job: current.job, revision: this.#nextRevision(jobId), assignee: { nodeId, incarnation } };
    this.#put('job_assigned', next);
    return 'applied';
  }

  async restore(records: readonly JobRecord[]): Promise<number> {
    this.#options.begin();
    let restored = 0;
    for (const record of records) {
      const { id } = record.job;
      const known = this.#jobs.get(id)?.revision ?? this.#removed.get(id) ?? 0;
      if (record.revision <= known) continue;
      this.#put('job_added', record);
      restored++;
    }
    return restored;
  }

  watch(listener: (event: JobEvent) => void): Watch {
    return this.#feed.watch(listener);
  }

  /** Ends the watches; the registry refuses calls from then on. */
  close(): void {
    this.#feed.close();
  }

  /** What there is now, for `revert`. */
  save(): SavedJobs {
    return { jobs: new Map(this.#jobs), removed: new Map(this.#removed) };
  }

  /** Puts everything back to that, or empties it; watchers hear nothing. */
  revert(saved?: SavedJobs): void {
    this.#jobs = new Map(saved?.jobs);
    this.#removed = new Map(saved?.removed);
    this.#version = randomUUID();
  }

  #nextRevision(jobId: string): number {
    const last = this.#jobs.get(jobId)?.revision ?? this.#removed.get(jobId) ?? 0;
    return Math.max(last + 1, Math.floor(this.#options.clock.wallMs()));
  }

  #put(type: JobEvent['type'], record: JobRecord): void {
    const { job, revision, assignee } = record;
    this.#jobs.set(job.id, record);
    this.#removed.delete(job.id);
    this.#version = randomUUID();
    this.#feed.emit({ type, jobId: job.id, revision, ...(assignee && { assignee }) });
  }

  #rememberRemoval(jobId: string, revision: number): void {
    this.#removed.set(jobId, revision);
    if (this.#removed.size <= rememberedJobs) return;
    for (const oldest of this.#removed.keys()) {
      this.#removed.delete(oldest);
      return;
    }
  }
}
