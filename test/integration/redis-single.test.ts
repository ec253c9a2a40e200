// The registry over one Redis server: the suite that all registries pass.
import { testJob } from '@headwater/cluster/testing';
import { beforeAll, expect, it } from 'vitest';
import { openRegistry, redisConformance, redisHarness } from '../support/redis-registry.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import type { Redis } from 'ioredis';

let redis: RunningRedis;
let store: Redis;

beforeAll(async () => {
  redis = await startRedis();
  store = redis.client();
});

redisConformance('RedisStreamRegistry on a single server', () =>
  redisHarness({ server: { kind: 'single', url: redis.url }, store }),
);

it('jobs that are unreadable are ignored, and can be removed and taken by others', async () => {
  const jobs = openRegistry({ kind: 'single', url: redis.url }, { keyPrefix: 'spoilt' }).jobRegistry();
  const job = testJob('live/good');
  await jobs.add({ job, maxJobs: 100 });
  const record = { source: 'rtsp://h/', stream: 'live/x', revision: '5' };
  const junk: Record<string, string> = {
    'live:a': 'junk',
    'live:b': '[]',
    'live:c': JSON.stringify({ ...record, stream: 'live/c', revision: 5 }),
    'live:d': JSON.stringify({ ...record, stream: 'live/d', revision: '1e400' }),
    'live:e': JSON.stringify({ ...record, stream: 'live/e', node: 'n1' }),
    'live:f': 'x'.repeat(1_000_000),
    'live:g': JSON.stringify({ ...record, stream: 'live/other' }),
    'live:h': JSON.stringify({ ...record, stream: 'live/h', source: 'file:///etc/passwd' }),
    '../..': JSON.stringify(record),
  };
  await store.hset('{spoilt}:jobs', junk);
  await store.hdel('{spoilt}:clock', 'jobs');
  const listing = await jobs.jobs();
  expect(listing?.jobs.map((listed) => listed.job)).toEqual([job]);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const added = await jobs.add({ job: testJob(`live/${name}`), maxJobs: 100 });
    expect(added.outcome).toBe('added');
  }
  await expect(jobs.add({ job: testJob('live/g'), maxJobs: 100 })).rejects.toMatchObject({
    code: 'registry_unavailable',
  });
  for (const id of ['live:g', 'live:h', '../..']) expect(await jobs.remove(id)).toBe(true);
  expect((await jobs.add({ job: testJob('live/g'), maxJobs: 100 })).outcome).toBe('added');
  expect((await jobs.jobs())?.jobs).toHaveLength(8);
});
