// What every `JobRegistry` must do: the twins, in memory and in Redis, pass one and the same suite.
import { parseStreamKey, pullJob, type PullJob } from '@headwater/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FailoverRegistry } from '../failover-registry.ts';
import type { AddJobResult, JobEvent, JobRecord, JobRegistry } from '../job-registry.ts';
import type { StreamRegistry } from '../stream-registry.ts';
import { pollUntil, refOf, testNode, type RegistryHarness } from './registry-harness.ts';

/** A registry under test that keeps jobs as well. */
export interface JobHarness extends RegistryHarness {
  registry(): StreamRegistry & FailoverRegistry & { jobRegistry(): JobRegistry };
}

/** A job as tests add it. */
export function testJob(key: string, source = `rtsp://u:hush@camera.example/${key}`): PullJob {
  return pullJob(source, parseStreamKey(key));
}

const n1 = testNode('n1');
const n2 = testNode('n2');
const maxJobs = 10;

/** Declares the suite for one implementation; each test gets an empty registry. */
export function jobConformance(name: string, makeHarness: () => Promise<JobHarness>): void {
  describe(`${name} as the registry of jobs`, () => {
    let current: JobHarness | undefined;

    const harness = (): JobHarness => {
      if (current === undefined) throw new Error('no harness outside of a test');
      return current;
    };

    beforeEach(async () => {
      current = await makeHarness();
      await current.registry().join(n1);
      await current.registry().join(n2);
    });

    afterEach(async () => {
      await current?.close();
      current = undefined;
    });

    describe('adding and removing', () => {
      addCases(harness);
    });
    describe('an assignment', () => {
      assignCases(harness);
    });
    describe('what was lost', () => {
      restoreCases(harness);
    });
    describe('a watch', () => {
      watchCases(harness);
    });
  });
}

function addCases(harness: () => JobHarness): void {
  const jobs = (): JobRegistry => harness().registry().jobRegistry();

  it('adds a job once, however often it is asked', async () => {
    const job = testJob('live/a');
    const added = await jobs().add({ job, maxJobs });
    expect(added).toEqual({ outcome: 'added', record: { job, revision: expect.any(Number) as number } });
    expect(await jobs().add({ job, maxJobs })).toEqual({ outcome: 'unchanged', record: recordOf(added) });
    expect((await jobs().jobs())?.jobs).toEqual([recordOf(added)]);
  });

  it('lists jobs in the order of their ids, and only when they have changed', async () => {
    for (const key of ['live/c', 'live/a', 'live/b']) await jobs().add({ job: testJob(key), maxJobs });
    const listing = await jobs().jobs();
    expect(listing?.jobs.map(({ job }) => job.id)).toEqual(['live:a', 'live:b', 'live:c']);
    expect(await jobs().jobs(listing?.version)).toBeUndefined();
    await jobs().add({ job: testJob('live/a'), maxJobs });
    expect(await jobs().jobs(listing?.version)).toBeUndefined();
    await jobs().remove('live:b');
    const later = await jobs().jobs(listing?.version);
    expect(later?.jobs.map(({ job }) => job.id)).toEqual(['live:a', 'live:c']);
  });

  it('lets another source of the same stream in only where it may replace, and keeps the node then', async () => {
    const first = recordOf(await jobs().add({ job: testJob('live/a'), maxJobs }));
    await jobs().assign({ token: 1, jobId: 'live:a', revision: first.revision, assignee: refOf(n1) });
    const job = testJob('live/a', 'rtmp://elsewhere/live/a');
    expect(await jobs().add({ job, maxJobs })).toMatchObject({
      outcome: 'conflict',
      record: { job: first.job },
    });
    const replaced = await jobs().add({ job, maxJobs, replaces: true });
    expect(replaced).toMatchObject({ outcome: 'replaced', record: { job, assignee: refOf(n1) } });
    expect(recordOf(replaced).revision).toBeGreaterThan(first.revision);
    expect((await jobs().jobs())?.jobs).toEqual([recordOf(replaced)]);
  });

  it('has room for as many as it is told, and for more when one is removed', async () => {
    const add = (key: string): Promise<AddJobResult> => jobs().add({ job: testJob(key), maxJobs: 2 });
    await add('live/a');
    await add('live/b');
    expect(await add('live/c')).toEqual({ outcome: 'full' });
    expect((await add('live/a')).outcome).toBe('unchanged');
    expect(await jobs().remove('live:a')).toBe(true);
    expect(await jobs().remove('live:a')).toBe(false);
    expect((await add('live/c')).outcome).toBe('added');
  });

  it('gives a job that is added again a higher revision than it ever had', async () => {
    const first = recordOf(await jobs().add({ job: testJob('live/a'), maxJobs }));
    await jobs().remove('live:a');
    const second = recordOf(await jobs().add({ job: testJob('live/a'), maxJobs }));
    expect(second.revision).toBeGreaterThan(first.revision + 1);
  });

  it('rejects everything once it is closed', async () => {
    const registry = harness().registry();
    const closed = registry.jobRegistry();
    await registry.close();
    const unavailable = { code: 'registry_unavailable' };
    const job = testJob('live/a');
    await expect(closed.add({ job, maxJobs })).rejects.toMatchObject(unavailable);
    await expect(closed.remove('live:a')).rejects.toMatchObject(unavailable);
    await expect(closed.jobs()).rejects.toMatchObject(unavailable);
    const assignment = { token: 1, jobId: 'live:a', revision: 1, assignee: n1 };
    await expect(closed.assign(assignment)).rejects.toMatchObject(unavailable);
    await expect(closed.restore([{ job, revision: 1 }])).rejects.toMatchObject(unavailable);
  });
}

function assignCases(harness: () => JobHarness): void {
  const jobs = (): JobRegistry => harness().registry().jobRegistry();
  const jobId = 'live:a';
  const added = async (): Promise<JobRecord> =>
    recordOf(await jobs().add({ job: testJob('live/a'), maxJobs }));
  const listed = async (): Promise<JobRecord | undefined> => (await jobs().jobs())?.jobs[0];

  it('is written once, with a higher revision', async () => {
    const { revision, job } = await added();
    expect(await jobs().assign({ token: 1, jobId, revision, assignee: n1 })).toBe('applied');
    const record = await listed();
    expect(record).toEqual({ job, revision: expect.any(Number) as number, assignee: refOf(n1) });
    expect(record?.revision).toBeGreaterThan(revision);
    const again = { token: 1, jobId, revision: record?.revision ?? 0, assignee: n1 };
    expect(await jobs().assign(again)).toBe('unchanged');
    expect(await listed()).toEqual(record);
  });

  it('is refused when the job has changed since, or is gone', async () => {
    const { revision } = await added();
    expect(await jobs().assign({ token: 1, jobId, revision, assignee: n1 })).toBe('applied');
    expect(await jobs().assign({ token: 1, jobId, revision, assignee: n2 })).toBe('conflict');
    expect((await listed())?.assignee).toEqual(refOf(n1));
    await jobs().remove(jobId);
    expect(await jobs().assign({ token: 1, jobId, revision, assignee: n2 })).toBe('conflict');
  });

  it('is refused for a node that is not there, and for another run of it', async () => {
    const { revision } = await added();
    const gone = { ...n1, incarnation: 'n1 run 0' };
    expect(await jobs().assign({ token: 1, jobId, revision, assignee: gone })).toBe('conflict');
    await harness().registry().leave(n2);
    expect(await jobs().assign({ token: 1, jobId, revision, assignee: n2 })).toBe('conflict');
    expect((await listed())?.assignee).toBeUndefined();
  });

  it('is refused when a later leadership was there, whatever that did', async () => {
    const { revision } = await added();
    await harness().registry().fence(7);
    expect(await jobs().assign({ token: 6, jobId, revision, assignee: n1 })).toBe('fenced');
    expect(await jobs().assign({ token: 8, jobId, revision, assignee: n1 })).toBe('applied');
    expect(await harness().registry().fence(7)).toBe(false);
  });

  it('outlives the node, for controllers to see', async () => {
    const { revision } = await added();
    await jobs().assign({ token: 1, jobId, revision, assignee: n1 });
    await harness().registry().leave(n1);
    expect((await listed())?.assignee).toEqual(refOf(n1));
  });
}

function restoreCases(harness: () => JobHarness): void {
  const jobs = (): JobRegistry => harness().registry().jobRegistry();
  const ids = async (): Promise<string[]> => ((await jobs().jobs())?.jobs ?? []).map(({ job }) => job.id);

  it('comes back with its assignment when the store lost everything', async () => {
    const { revision } = recordOf(await jobs().add({ job: testJob('live/a'), maxJobs }));
    await jobs().assign({ token: 1, jobId: 'live:a', revision, assignee: n1 });
    await jobs().add({ job: testJob('live/b'), maxJobs });
    const before = await jobs().jobs();
    await harness().loseEverything();
    const empty = await jobs().jobs(before?.version);
    expect(empty?.jobs).toEqual([]);
    expect(await jobs().restore(before?.jobs ?? [])).toBe(2);
    const after = await jobs().jobs(empty?.version);
    expect(after?.jobs).toEqual(before?.jobs);
    expect(await jobs().restore(before?.jobs ?? [])).toBe(0);
    expect(await jobs().jobs(after?.version)).toBeUndefined();
  });

  it('does not come back once it was removed, until it is added again', async () => {
    const record = recordOf(await jobs().add({ job: testJob('live/a'), maxJobs }));
    await jobs().remove('live:a');
    expect(await jobs().restore([record])).toBe(0);
    expect(await ids()).toEqual([]);
    await jobs().add({ job: testJob('live/a'), maxJobs });
    expect(await ids()).toEqual(['live:a']);
  });

  it('is what the highest revision says, whoever comes first', async () => {
    const old: JobRecord = { job: testJob('live/a'), revision: 5, assignee: refOf(n1) };
    const young: JobRecord = { ...old, revision: 6, assignee: refOf(n2) };
    await jobs().restore([old]);
    await jobs().restore([young]);
    await jobs().restore([old]);
    expect((await jobs().jobs())?.jobs).toEqual([young]);
  });

  it('shows after a failover that lost writes, so that it can be brought back', async () => {
    await jobs().add({ job: testJob('live/a'), maxJobs });
    const goBack = await harness().checkpoint();
    await jobs().add({ job: testJob('live/b'), maxJobs });
    const known = await jobs().jobs();
    await goBack();
    await jobs().add({ job: testJob('live/c'), maxJobs });
    expect((await jobs().jobs(known?.version))?.jobs.map(({ job }) => job.id)).toEqual(['live:a', 'live:c']);
    await jobs().restore(known?.jobs ?? []);
    expect(await ids()).toEqual(['live:a', 'live:b', 'live:c']);
  });

  it('is brought back by the hundreds', async () => {
    const records = Array.from({ length: 250 }, (_, index): JobRecord => {
      return { job: testJob(`live/s${String(index).padStart(3, '0')}`), revision: index + 1 };
    });
    expect(await jobs().restore(records)).toBe(250);
    expect((await jobs().jobs())?.jobs).toEqual(records);
  });
}

function watchCases(harness: () => JobHarness): void {
  it('hears of every change in order, and of no source', async () => {
    const heard: JobEvent[] = [];
    const jobs = harness().registry().jobRegistry();
    const watch = jobs.watch((event) => heard.push(event));
    await pollUntil('the watch to hear', async () => {
      await jobs.add({ job: testJob('live/marker'), maxJobs });
      await jobs.remove('live:marker');
      return heard.length > 0;
    });
    const other = harness().registry().jobRegistry();
    const { revision } = recordOf(await other.add({ job: testJob('live/a'), maxJobs }));
    await other.assign({ token: 1, jobId: 'live:a', revision, assignee: n1 });
    const assigned = (await other.jobs())?.jobs[0]?.revision ?? 0;
    await other.remove('live:a');
    const own = (): JobEvent[] => heard.filter(({ jobId }) => jobId === 'live:a');
    await pollUntil('all to be heard', () => own().length === 3);
    expect(own()).toEqual([
      { type: 'job_added', jobId: 'live:a', revision },
      { type: 'job_assigned', jobId: 'live:a', revision: assigned, assignee: refOf(n1) },
      { type: 'job_removed', jobId: 'live:a', revision: expect.any(Number) as number },
    ]);
    expect(JSON.stringify(heard)).not.toContain('hush');
    watch.close();
  });
}

function recordOf(result: AddJobResult): JobRecord {
  if (result.outcome === 'full') throw new Error('there was no room for the job');
  return result.record;
}
