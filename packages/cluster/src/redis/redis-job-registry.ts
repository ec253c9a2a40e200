import { AppError, parseStreamKey, pullJob, type Logger } from '@headwater/contracts';
import { EventFeed } from '../event-feed.ts';
import type { FencedOutcome } from '../failover-registry.ts';
import {
  rememberedJobs,
  type AddJobRequest,
  type AddJobResult,
  type AssignJobRequest,
  type JobEvent,
  type JobListing,
  type JobRecord,
  type JobRegistry,
} from '../job-registry.ts';
import type { Watch } from '../stream-registry.ts';
import type { OccasionalWarning } from './occasional-warning.ts';
import { parseObject, sized, wholeNumber } from './record-codec.ts';
import { outcomeOf, type RunScript } from './redis-failover.ts';
import { pairsOf, textOf } from './script-reply.ts';

/** What the jobs need of the `RedisStreamRegistry` that makes them and outlives them. */
export interface RedisJobRegistryOptions {
  readonly run: RunScript;
  /** Makes sure that the log is followed. */
  readonly follow: () => void;
  readonly logger: Logger;
  readonly warning: OccasionalWarning;
}

/** Restoring is rare and must not block the server for long. */
const restoredPerCall = 100;
const refused = 0;
const conflict = -5;
const full = -6;

/** `JobRegistry` in Redis. */
export class RedisJobRegistry implements JobRegistry {
  readonly #options: RedisJobRegistryOptions;
  readonly #feed: EventFeed<JobEvent>;

  constructor(options: RedisJobRegistryOptions) {
    this.#options = options;
    this.#feed = new EventFeed(options.logger);
  }

  async add({ job, maxJobs, replaces = false }: AddJobRequest): Promise<AddJobResult> {
    const { id, source, stream } = job;
    const args = [id, sized(source, 'job'), stream, replaces ? '1' : '0', String(maxJobs)];
    const { code, values } = await this.#options.run('add-job', args);
    if (code === full) return { outcome: 'full' };
    const record = decodeJob(id, textOf(values[0]));
    if (record === undefined) {
      throw new AppError('registry_unavailable', { details: { job: id, what: 'job is unreadable' } });
    }
    if (code === refused) return { outcome: 'unchanged', record };
    if (code === conflict) return { outcome: 'conflict', record };
    return { outcome: values[1] === 'replaced' ? 'replaced' : 'added', record };
  }

  async remove(jobId: string): Promise<boolean> {
    return (await this.#options.run('remove-job', [jobId, String(rememberedJobs)])).code === 1;
  }

  async jobs(known = ''): Promise<JobListing | undefined> {
    const { code, values } = await this.#options.run('list-jobs', [known]);
    if (code === refused) return undefined;
    const jobs = pairsOf(values[1]).flatMap(([id, text]) => this.#decode(id, text) ?? []);
    return { version: textOf(values[0]), jobs: jobs.sort((a, b) => (a.job.id < b.job.id ? -1 : 1)) };
  }

  async assign({ token, jobId, revision, assignee }: AssignJobRequest): Promise<FencedOutcome> {
    const args = [String(token), jobId, String(revision), assignee.nodeId, assignee.incarnation];
    return outcomeOf('assign-job', (await this.#options.run('assign-job', args)).code);
  }

  async restore(records: readonly JobRecord[]): Promise<number> {
    let restored = 0;
    for (let start = 0; start < records.length; start += restoredPerCall) {
      const some = records.slice(start, start + restoredPerCall);
      const args = some.flatMap((record) => [record.job.id, encodeJob(record)]);
      const { values } = await this.#options.run('restore-jobs', args);
      restored += typeof values[0] === 'number' ? values[0] : 0;
    }
    return restored;
  }

  watch(listener: (event: JobEvent) => void): Watch {
    this.#options.follow();
    return this.#feed.watch(listener);
  }

  /** Tells the watchers of an event that the log holds. */
  heard(event: JobEvent): void {
    this.#feed.emit(event);
  }

  /** Ends the watches; the registry refuses calls from then on. */
  close(): void {
    this.#feed.close();
  }

  #decode(id: string, text: string): JobRecord | undefined {
    const record = decodeJob(id, text);
    if (record === undefined) {
      this.#options.warning.warn({ ignored: [`job ${id.slice(0, 100)}`] }, 'registry holds unreadable data');
    }
    return record;
  }
}

function encodeJob({ job, revision, assignee }: JobRecord): string {
  const { source, stream } = job;
  const { nodeId: node, incarnation: run } = assignee ?? {};
  return sized(JSON.stringify({ source, stream, revision: String(revision), node, run }), 'job');
}

function decodeJob(id: string, text: string): JobRecord | undefined {
  const { source, stream, revision: digits, node, run } = parseObject(text) ?? {};
  const revision = wholeNumber(digits);
  if (typeof source !== 'string' || typeof stream !== 'string' || revision === undefined) return undefined;
  try {
    const job = pullJob(source, parseStreamKey(stream));
    if (job.id !== id) return undefined;
    const isAssigned = typeof node === 'string' && typeof run === 'string';
    return { job, revision, ...(isAssigned ? { assignee: { nodeId: node, incarnation: run } } : {}) };
  } catch {
    return undefined;
  }
}
