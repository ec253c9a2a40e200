// `headwater jobs …`: what origins fetch by themselves, asked of and told to any node of the cluster.
import {
  AppError,
  jobListSchema,
  jobViewSchema,
  nodeListSchema,
  parseStreamKey,
  pullJob,
  type JobView,
  type PullJob,
} from '@headwater/contracts';
import { exitCode } from '../exit-code.ts';
import { AdminClient } from './admin-client.ts';
import { CliError } from './failure.ts';
import { textTable } from './text-table.ts';

const path = '/api/v1/jobs';

/** Lists all jobs. How each one stands is asked of the node that does it; of one that does not answer it is not shown. */
export async function listJobs(options: { readonly admin: string; readonly json: boolean }): Promise<void> {
  const client = new AdminClient(options.admin);
  const { items } = await client.get(path, jobListSchema);
  const jobs = await withRuns(client, items);
  process.stdout.write(options.json ? `${JSON.stringify({ items: jobs }, undefined, 2)}\n` : jobTable(jobs));
}

/** Adds a pull job. Throws `CliError` when it is none, or is refused. */
export async function addPullJob(
  source: string,
  stream: string,
  options: { readonly admin: string },
): Promise<void> {
  const { kind, id } = checkedJob(source, stream);
  await new AdminClient(options.admin).post(path, jobViewSchema, { kind, source, stream });
  process.stdout.write(`job ${id} is there\n`);
}

/** Removes a job. Throws `CliError` when there is none. */
export async function removeJob(id: string, options: { readonly admin: string }): Promise<void> {
  await new AdminClient(options.admin).delete(`${path}/${encodeURIComponent(id)}`);
  process.stdout.write(`job ${id} is removed\n`);
}

function checkedJob(source: string, stream: string): PullJob {
  try {
    return pullJob(source, parseStreamKey(stream));
  } catch (caught) {
    if (caught instanceof AppError) throw new CliError(exitCode.usage, caught.message);
    throw caught;
  }
}

async function withRuns(client: AdminClient, jobs: readonly JobView[]): Promise<readonly JobView[]> {
  const elsewhere = new Set(jobs.flatMap(({ node, run }) => (run === undefined ? (node ?? []) : [])));
  if (elsewhere.size === 0) return jobs;
  // How jobs stand is an addition: what there is is shown without it as well.
  const { items } = await client.get('/api/v1/nodes', nodeListSchema).catch(() => ({ items: [] }));
  const runs = new Map<string, JobView['run']>();
  await Promise.all(
    items
      .filter(({ id }) => elsewhere.has(id))
      .map(async ({ id, addresses }) => {
        for (const job of await jobsAt(addresses.admin)) {
          // Every node lists all jobs, and knows of its own only.
          if (job.node === id) runs.set(job.id, job.run);
        }
      }),
  );
  return jobs.map((job) => {
    const run = job.run ?? runs.get(job.id);
    return run === undefined ? job : { ...job, run };
  });
}

async function jobsAt(admin: string | undefined): Promise<readonly JobView[]> {
  if (admin === undefined) return [];
  try {
    return (await new AdminClient(admin).get(path, jobListSchema)).items;
  } catch {
    return [];
  }
}

function jobTable(jobs: readonly JobView[]): string {
  if (jobs.length === 0) return 'no jobs\n';
  const rows = jobs.map(({ id, kind, source, stream, node, run }) => [
    id,
    kind,
    source,
    stream,
    node ?? '-',
    run === undefined ? '-' : `${run.state} for ${String(Math.round(run.sinceMs / 1_000))} s`,
    run?.lastError ?? '-',
  ]);
  return textTable(['JOB', 'KIND', 'SOURCE', 'STREAM', 'NODE', 'STATE', 'LAST ERROR'], rows);
}
