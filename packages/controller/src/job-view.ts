import type { JobRecord, JobRegistry, NodeRef } from '@headwater/cluster';
import { nodeKey } from './node-key.ts';

/** The jobs as a controller knows them: read when they have changed. */
export class JobView {
  #records: readonly JobRecord[] = [];
  #assignees: readonly NodeRef[] = [];
  #version: string | undefined;

  get records(): readonly JobRecord[] {
    return this.#records;
  }

  /** The nodes that jobs are assigned to, each once. */
  get assignees(): readonly NodeRef[] {
    return this.#assignees;
  }

  /** Reads what has changed; true when something has. Rejects with `registry_unavailable`. */
  async read(registry: Pick<JobRegistry, 'jobs'>): Promise<boolean> {
    const listing = await registry.jobs(this.#version);
    if (listing === undefined) return false;
    this.#version = listing.version;
    this.#records = listing.jobs;
    const found = new Map<string, NodeRef>();
    for (const { assignee } of listing.jobs) if (assignee) found.set(nodeKey(assignee), assignee);
    this.#assignees = [...found.values()];
    return true;
  }

  /** What is known is about to change: nothing is planned until it was read again. */
  forget(): void {
    this.#version = undefined;
    this.#records = [];
  }
}
