import type { JobRecord, JobRegistry } from '@headwater/cluster';
import { testJob } from '@headwater/cluster/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedCluster, type SimulatedNode } from './testing/simulated-cluster.ts';

const maxJobs = 10;
let cluster: SimulatedCluster;
let jobs: JobRegistry;
let o1: SimulatedNode;
let o2: SimulatedNode;

beforeEach(async () => {
  cluster = new SimulatedCluster();
  jobs = cluster.registry.jobRegistry();
  o1 = await cluster.addNode('o1', 0);
  o2 = await cluster.addNode('o2', 333);
  cluster.addController('c1', { jobs });
  cluster.addController('c2', { jobs });
  await cluster.pass(6_000);
});

afterEach(async () => {
  await cluster.close();
});

async function listed(): Promise<JobRecord | undefined> {
  return (await jobs.jobs())?.jobs[0];
}

/** Lets time pass until a node does the job; returns how long that took. */
async function timeUntilOn(nodeId: string): Promise<number> {
  const startMs = cluster.clock.nowMs();
  while ((await listed())?.assignee?.nodeId !== nodeId) {
    if (cluster.clock.nowMs() - startMs > 30_000) throw new Error('waited in vain');
    await cluster.pass(50);
  }
  return cluster.clock.nowMs() - startMs;
}

/** A job, and the node that was chosen for it with the other one. */
async function addJob(): Promise<{ readonly owner: SimulatedNode; readonly other: SimulatedNode }> {
  await jobs.add({ job: testJob('live/a'), maxJobs });
  await cluster.pass(300);
  const nodeId = (await listed())?.assignee?.nodeId;
  expect(['o1', 'o2']).toContain(nodeId);
  return nodeId === 'o1' ? { owner: o1, other: o2 } : { owner: o2, other: o1 };
}

describe('a controller with jobs', () => {
  it('gives a new job to an origin at once, and leaves it there', async () => {
    await addJob();
    const record = await listed();
    await cluster.pass(60_000);
    expect(await listed()).toEqual(record);
  });

  it('moves it as soon as its origin is known to be dead', async () => {
    const { owner, other } = await addJob();
    cluster.set(owner, { condition: 'crashed' });
    expect(await timeUntilOn(other.record.nodeId)).toBeLessThanOrEqual(3_000);
    const record = await listed();
    cluster.set(owner, { condition: 'up' });
    await cluster.pass(10_000);
    expect(await listed()).toEqual(record);
  });

  it('leaves it with an origin that is cut off from the registry and lives', async () => {
    const { owner } = await addJob();
    const record = await listed();
    cluster.set(owner, { isCutFromRegistry: true });
    await cluster.pass(30_000);
    expect(await listed()).toEqual(record);
  });

  it('moves it when its origin drains', async () => {
    const { owner, other } = await addJob();
    Object.assign(owner.record, { isDraining: true });
    expect(await timeUntilOn(other.record.nodeId)).toBeLessThanOrEqual(2_500);
  });

  it('has somebody do it who comes long after the last one is gone', async () => {
    const { owner, other } = await addJob();
    cluster.set(owner, { condition: 'crashed' });
    cluster.set(other, { condition: 'crashed' });
    await cluster.pass(600_000, 500);
    await cluster.addNode('o3');
    expect(await timeUntilOn('o3')).toBeLessThanOrEqual(12_000);
  });
});
