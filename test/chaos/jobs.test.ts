// Jobs: an origin that pulls a stream dies or leaves, and the registry loses its memory: what viewers see.
import type { JobView } from '@headwater/contracts';
import { expect, it } from 'vitest';
import { ChaosCluster, leaseMs, type ChaosNode } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { longestGapMs, seeMore, watchOn, type Witness } from '../support/chaos-witness.ts';
import { startHeadwater, type RunningHeadwater } from '../support/headwater.ts';
import { waitUntil } from '../support/wait-until.ts';

// Bounds of correctness on a busy machine, no measurements.
const slackMs = 4_000;

/** A server outside of the cluster that has the stream. */
async function startSource(): Promise<RunningHeadwater> {
  const source = await startHeadwater();
  await ChaosEncoder.start({ stream: 'live/source', addresses: [source.ready.rtmp ?? ''] });
  return source;
}

async function addJob(node: RunningHeadwater, source: string, stream: string): Promise<Response> {
  return fetch(node.adminUrl('/api/v1/jobs'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'pull', source, stream }),
  });
}

async function removeJob(node: RunningHeadwater, id: string): Promise<Response> {
  return fetch(node.adminUrl(`/api/v1/jobs/${id}`), { method: 'DELETE' });
}

async function jobs(node: RunningHeadwater): Promise<JobView[]> {
  return (await node.adminJson<{ items: JobView[] }>('/api/v1/jobs')).items;
}

/** The origin that runs the job, once it says so itself. */
async function runnerOf(cluster: ChaosCluster, among: readonly ChaosNode[]): Promise<ChaosNode> {
  return waitUntil(
    'an origin runs the job',
    async () => {
      for (const origin of among) {
        const [job] = await jobs(origin.node);
        if (job?.node === origin.id && job.run?.state === 'running') return origin;
      }
      return false;
    },
    { timeoutMs: 20_000 },
  );
}

/**
 * What must not happen when another origin begins to pull the same stream. It begins with the source's latest keyframe,
 * which viewers may have seen already.
 */
function faultsOf(witnesses: readonly Witness[]): string[] {
  const isAllowed = /again, or out of order|shifted apart|without a keyframe after a loss/;
  return witnesses.flatMap((witness) => [
    ...witness.complaints.filter((complaint) => !isAllowed.test(complaint)),
    ...(witness.end === undefined ? [] : [`disconnected: ${witness.end}`]),
  ]);
}

it('a job goes on elsewhere when its origin is killed, freezes or drains, and viewers stay', async () => {
  const source = await startSource();
  const cluster = await ChaosCluster.start({
    origins: 3,
    edges: 1,
    controllers: 1,
    set: { 'node.drainDeadline': '8s' },
  });
  await cluster.leader();
  const edge = cluster.edge(0).node;
  const url = source.rtmpUrl('live/source?token=hush');
  expect((await addJob(edge, url, 'live/cam')).status).toBe(201);
  expect((await addJob(edge, url, 'live/cam')).status).toBe(200);
  expect((await addJob(edge, source.rtmpUrl('live/other'), 'live/cam')).status).toBe(409);
  const first = await runnerOf(cluster, cluster.origins);
  const witnesses = await watchOn(cluster.edges, 'live/cam');

  first.kill();
  const rest = cluster.origins.filter((origin) => origin !== first);
  const second = await runnerOf(cluster, rest);
  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(leaseMs + slackMs);

  for (const witness of witnesses) witness.mark();
  second.freeze();
  const others = rest.filter((origin) => origin !== second);
  const third = await runnerOf(cluster, others);
  await seeMore(witnesses);
  expect(longestGapMs(witnesses)).toBeLessThan(2 * leaseMs + slackMs);
  const taken = await third.stream('live/cam');
  for (const witness of witnesses) witness.mark();
  second.resume();
  await waitUntil('the frozen origin has given the job up', async () => {
    const [job] = await jobs(second.node);
    return job?.node === third.id && job.run === undefined;
  });
  await cluster.untilComplete();
  await seeMore(witnesses);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect((await third.stream('live/cam'))?.epoch).toBe(taken?.epoch);

  for (const witness of witnesses) witness.mark();
  const exited = third.terminate();
  expect(await runnerOf(cluster, [second])).toBe(second);
  await seeMore(witnesses);
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);

  const [job] = await jobs(edge);
  expect(job).toEqual({
    id: 'live:cam',
    kind: 'pull',
    source: source.rtmpUrl('live/source?token=***'),
    stream: 'live/cam',
    node: second.id,
  });
  const lines = cluster.nodes.flatMap(({ node }) => node.logs());
  expect(JSON.stringify(lines)).not.toContain('hush');
  // Otherwise the last origin would wait for another one to take the job over.
  expect((await removeJob(edge, 'live:cam')).status).toBe(204);
});

it('jobs outlive a registry that loses its memory, and end when they are removed', async () => {
  const source = await startSource();
  const cluster = await ChaosCluster.start({ origins: 2, edges: 1, controllers: 1 });
  await cluster.leader();
  const edge = cluster.edge(0).node;
  await addJob(edge, source.rtmpUrl('live/source'), 'live/cam');
  const runner = await runnerOf(cluster, cluster.origins);
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const [before] = await jobs(edge);
  cluster.stopRedis();
  await seeMore(witnesses);
  await cluster.restartRedis();
  await cluster.untilComplete();
  const job = await waitUntil('the job is known again', async () => (await jobs(edge))[0]);
  expect(job).toEqual(before);
  await seeMore(witnesses);
  expect((await jobs(runner.node))[0]).toMatchObject({ run: { state: 'running', attempts: 1 } });
  expect(faultsOf(witnesses)).toEqual([]);

  expect((await removeJob(edge, 'live:cam')).status).toBe(204);
  await waitUntil('the stream has ended for all', () => witnesses.every(({ end }) => end !== undefined));
  expect(await jobs(edge)).toEqual([]);
});

it('one process alone runs the jobs of its configuration', async () => {
  const source = await startSource();
  const config = `jobs: [{ pull: '${source.rtmpUrl('live/source')}', stream: live/cam }]\n`;
  const node = await startHeadwater({ config });
  const witnesses = await watchOn([{ node }], 'live/cam');
  expect(await jobs(node)).toMatchObject([{ id: 'live:cam', run: { state: 'running' } }]);
  expect((await addJob(node, source.rtmpUrl('live/source'), 'live/second')).status).toBe(201);
  await watchOn([{ node }], 'live/second');
  expect(faultsOf(witnesses)).toEqual([]);
});
