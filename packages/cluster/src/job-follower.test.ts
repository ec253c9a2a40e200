import { silentLogger, type PullJob } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { JobFollower, type JobAssignment, type JobFollowerOptions } from './job-follower.ts';
import type { JobEvent, JobRegistry } from './job-registry.ts';
import { MemoryStreamRegistry } from './memory-stream-registry.ts';
import { testJob, testNode } from './testing/index.ts';

const n1 = testNode('n1');
const n2 = testNode('n2');
const [a, b] = [testJob('live/a'), testJob('live/b')];
const maxJobs = 10;

let clock: ManualClock;
let registry: MemoryStreamRegistry;
let jobs: JobRegistry;

beforeEach(async () => {
  clock = new ManualClock();
  registry = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000 });
  jobs = registry.jobRegistry();
  await registry.join(n1);
  await registry.join(n2);
});

/** A follower of n1 with what it was assigned last. */
class Followed {
  readonly follower: JobFollower;
  readonly heard: JobAssignment[] = [];

  constructor(options: Partial<JobFollowerOptions> = {}) {
    this.follower = new JobFollower({
      jobs,
      clock,
      logger: silentLogger,
      node: n1,
      declared: [],
      maxJobs,
      takesAll: false,
      periodMs: 1_000,
      assigned: (assignment) => this.heard.push(assignment),
      ...options,
    });
    this.follower.start();
  }

  get ids(): string[] | undefined {
    return this.heard.at(-1)?.jobs.map(({ id }) => id);
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await new Promise(setImmediate);
    clock.advance(20);
  }
}

async function assign(job: PullJob, assignee = n1): Promise<void> {
  const record = (await jobs.jobs())?.jobs.find((listed) => listed.job.id === job.id);
  await jobs.assign({ token: 1, jobId: job.id, revision: record?.revision ?? 0, assignee });
}

describe('a follower', () => {
  it('hears at once of what is assigned to its node, and of nothing else', async () => {
    const { heard } = new Followed();
    await jobs.add({ job: a, maxJobs });
    await jobs.add({ job: b, maxJobs });
    await assign(b, n2);
    await settle();
    expect(heard).toEqual([]);
    await assign(a);
    await settle();
    expect(heard).toEqual([{ jobs: [a], removed: [] }]);
  });

  it('tells a job that moves from one that is removed', async () => {
    const { heard } = new Followed();
    for (const job of [a, b]) {
      await jobs.add({ job, maxJobs });
      await assign(job);
    }
    await settle();
    await assign(a, n2);
    await settle();
    expect(heard.at(-1)).toEqual({ jobs: [b], removed: [] });
    await jobs.remove(b.id);
    await settle();
    expect(heard.at(-1)).toEqual({ jobs: [], removed: [b] });
  });

  it('does not take what another run of its node was assigned', async () => {
    const { heard } = new Followed({ node: { ...n1, incarnation: 'n1 run 2' } });
    await jobs.add({ job: a, maxJobs });
    await assign(a);
    await settle();
    expect(heard).toEqual([]);
  });

  it('learns by its next look what it was not told of', async () => {
    const deaf: JobRegistry = Object.assign(Object.create(jobs) as JobRegistry, {
      jobs: (known?: string) => jobs.jobs(known),
      watch: () => ({ close: () => undefined }),
    });
    const followed = new Followed({ jobs: deaf });
    await jobs.add({ job: a, maxJobs });
    await assign(a);
    await settle();
    expect(followed.ids).toBeUndefined();
    clock.advance(1_000);
    await settle();
    expect(followed.ids).toEqual([a.id]);
  });

  it('hears nothing once it is stopped', async () => {
    const { follower, heard } = new Followed();
    await jobs.add({ job: a, maxJobs });
    await follower.stop();
    await assign(a);
    clock.advance(5_000);
    await settle();
    expect(heard).toEqual([]);
  });
});

it('a follower reads many changes at once', async () => {
  let reads = 0;
  const counted: JobRegistry = Object.assign(Object.create(jobs) as JobRegistry, {
    jobs: async (known?: string) => {
      reads++;
      return jobs.jobs(known);
    },
    watch: (listener: (event: JobEvent) => void) => jobs.watch(listener),
  });
  const { ids } = await manyJobs(new Followed({ jobs: counted }));
  expect(ids).toHaveLength(50);
  expect(reads).toBeLessThan(6);
});

async function manyJobs(followed: Followed): Promise<Followed> {
  for (let index = 0; index < 50; index++) {
    const job = testJob(`live/s${String(index)}`);
    await jobs.add({ job, maxJobs: 50 });
    await assign(job);
  }
  await settle();
  return followed;
}

describe('the jobs of the configuration', () => {
  const ids = async (): Promise<string[]> => ((await jobs.jobs())?.jobs ?? []).map(({ job }) => job.id);

  it('are added once, with the newest source', async () => {
    await jobs.add({ job: testJob('live/a', 'rtsp://old.example/'), maxJobs });
    new Followed({ declared: [a, b] });
    await settle();
    expect((await jobs.jobs())?.jobs.map(({ job }) => job)).toEqual([a, b]);
    await jobs.remove(a.id);
    clock.advance(5_000);
    await settle();
    expect(await ids()).toEqual([b.id]);
  });

  it('that there is no room for are left out', async () => {
    new Followed({ declared: [a, b], maxJobs: 1 });
    await settle();
    expect(await ids()).toEqual([a.id]);
  });
});

describe('a store that lost its memory', () => {
  it('gets back all jobs with their assignments, and nothing stops meanwhile', async () => {
    const { heard } = new Followed();
    for (const job of [a, b]) await jobs.add({ job, maxJobs });
    await assign(a);
    await assign(b, n2);
    await settle();
    const before = (await jobs.jobs())?.jobs;
    registry.restore();
    expect((await jobs.jobs())?.jobs).toEqual([]);
    clock.advance(1_000);
    await settle();
    expect((await jobs.jobs())?.jobs).toEqual(before);
    expect(heard).toHaveLength(1);
  });

  it('gets back what it lost after a checkpoint, and not what was removed', async () => {
    const followed = new Followed();
    await jobs.add({ job: a, maxJobs });
    await assign(a);
    const saved = registry.save();
    await jobs.add({ job: b, maxJobs });
    await assign(b);
    await settle();
    await jobs.remove(a.id);
    await settle();
    expect(followed.ids).toEqual([b.id]);
    registry.restore(saved);
    await jobs.remove(a.id);
    clock.advance(1_000);
    await settle();
    expect((await jobs.jobs())?.jobs.map(({ job }) => job.id)).toEqual([b.id]);
    expect(followed.ids).toEqual([b.id]);
  });
});

describe('where there is no controller', () => {
  it('a node takes every job for itself', async () => {
    const followed = new Followed({ takesAll: true, declared: [a] });
    await settle();
    expect(followed.ids).toEqual([a.id]);
    await jobs.add({ job: b, maxJobs });
    await settle();
    expect(followed.ids).toEqual([a.id, b.id]);
  });

  it('a node that has not joined yet takes them when it has', async () => {
    const n3 = testNode('n3');
    const followed = new Followed({ takesAll: true, declared: [a], node: n3 });
    await settle();
    expect(followed.ids).toBeUndefined();
    await registry.join(n3);
    clock.advance(1_000);
    await settle();
    expect(followed.ids).toEqual([a.id]);
  });
});

describe('a registry that is away', () => {
  it('leaves everything as it was', async () => {
    const { heard, follower } = new Followed();
    await jobs.add({ job: a, maxJobs });
    await assign(a);
    await settle();
    await registry.close();
    clock.advance(5_000);
    await settle();
    await follower.look();
    expect(heard).toHaveLength(1);
  });
});
