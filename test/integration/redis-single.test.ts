// The registry over one Redis server: the suite that all registries pass.
import { beforeAll } from 'vitest';
import { redisConformance, redisHarness } from '../support/redis-registry.ts';
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
