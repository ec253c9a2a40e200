// The jobs of a cluster: what is to be done, and which node does it. Every change raises a job's revision, so that a
// decision based on an older one is refused and a store that lost its memory gets back the newest that anybody knows.
// Implementations pass the suite in `testing/job-conformance.ts`.
import type { PullJob } from '@headwater/contracts';
import type { FencedOutcome } from './failover-registry.ts';
import type { NodeRef } from './node-record.ts';
import type { Watch } from './stream-registry.ts';

/** A job as the registry knows it. */
export interface JobRecord {
  readonly job: PullJob;
  /** Grows with each change, whatever happens to the registry's memory. */
  readonly revision: number;
  /** The run of a node that does it, whether it lives or not; absent until a controller chose one. */
  readonly assignee?: NodeRef;
}

/** All jobs of one moment, in the order of their ids. */
export interface JobListing {
  /** Names this state of the jobs: another one has another version. */
  readonly version: string;
  readonly jobs: readonly JobRecord[];
}

/** A job that there is to be. */
export interface AddJobRequest {
  readonly job: PullJob;
  /** So many jobs there may be, this one included. */
  readonly maxJobs: number;
  /** Whether a job of the same id with another source gives way; it stays where it is assigned. */
  readonly replaces?: boolean;
}

/**
 * `added`: it is new. `replaced`: it has another source now. `unchanged`: it was there already. `conflict`: one with
 * another source is there. `full`: there are as many jobs as there may be.
 */
export type AddJobResult =
  | { readonly outcome: 'added' | 'replaced' | 'unchanged' | 'conflict'; readonly record: JobRecord }
  | { readonly outcome: 'full' };

/** Gives a job to a node. */
export interface AssignJobRequest {
  readonly token: number;
  readonly jobId: string;
  /** A conflict when the job is at another revision, or gone. */
  readonly revision: number;
  /** A conflict when this run of the node has no lease. */
  readonly assignee: NodeRef;
}

/** What watchers hear of. Without the source, which may hold a password: who needs it reads the jobs. */
export interface JobEvent {
  readonly type: 'job_added' | 'job_removed' | 'job_assigned';
  readonly jobId: string;
  readonly revision: number;
  readonly assignee?: NodeRef;
}

/** The jobs beside the streams, in the same store. Every method may reject with `registry_unavailable`. */
export interface JobRegistry {
  /** Adds a job unless it is there: its id decides. */
  add(request: AddJobRequest): Promise<AddJobResult>;
  /** False when there is none with this id. That it was removed is remembered, so that nobody restores it. */
  remove(jobId: string): Promise<boolean>;
  /** Undefined when nothing has changed since the listing with the version `known`. */
  jobs(known?: string): Promise<JobListing | undefined>;
  /** Compare-and-set by revision, fenced by the token of a leadership. */
  assign(request: AssignJobRequest): Promise<FencedOutcome>;
  /**
   * Brings back what a store has lost: the higher revision counts, and a removal counts from its own revision on.
   * Resolves with how many were missing.
   */
  restore(records: readonly JobRecord[]): Promise<number>;
  /** Hears every change from now on, as long as no connection breaks. Listeners must not throw. */
  watch(listener: (event: JobEvent) => void): Watch;
}

/** How many removed jobs a registry remembers. */
export const rememberedJobs: number = 10_000;
