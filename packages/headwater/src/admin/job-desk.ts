import type { JobView, PullJob } from '@headwater/contracts';

/** What the admin API can do about the jobs of the cluster. All reject with `registry_unavailable` when it does not answer. */
export interface JobDesk {
  /** All jobs, in the order of their ids. */
  list(): Promise<readonly JobView[]>;
  /**
   * Adds a job; `isNew` is false when it was there already. Rejects with `job_conflict` when its stream has a job with
   * another source, with `limit_reached` when there are too many, and with `app_unknown`.
   */
  add(job: PullJob): Promise<{ readonly isNew: boolean; readonly job: JobView }>;
  /** False when there is none with that id. */
  remove(jobId: string): Promise<boolean>;
}
