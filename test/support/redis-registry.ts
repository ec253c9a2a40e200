// A Redis registry under test: many clients over one store, whose time tests can move.
import { RedisStreamRegistry, type RedisServer, type RedisStreamRegistryOptions } from '@headwater/cluster';
import {
  failoverConformance,
  jobConformance,
  leaderLeaseConformance,
  registryConformance,
  upstreamReportsConformance,
  type FailoverHarness,
} from '@headwater/cluster/testing';
import type { Redis } from 'ioredis';
import { defer } from './cleanup.ts';
import { realClock } from './real-clock.ts';

const keyNames = [
  'clock',
  'leases',
  'runs',
  'nodes',
  'beats',
  'streams',
  'owners',
  'ended',
  'events',
  'leader',
  'jobs',
  'removed-jobs',
];

/** A registry that is closed with the test. */
export function openRegistry(
  server: RedisServer,
  options: Partial<RedisStreamRegistryOptions> = {},
): RedisStreamRegistry {
  const registry = new RedisStreamRegistry({ clock: realClock, server, ...options });
  defer(() => registry.close());
  return registry;
}

/** A harness whose registries are those in Redis. */
export interface RedisRegistryHarness extends FailoverHarness {
  registry(): RedisStreamRegistry;
}

/**
 * A harness over an emptied store. `store` is a client of the server that has the keys. The registry's time is moved by
 * what the store says of the time that was skipped, so that a lease of seconds costs a test nothing.
 */
export async function redisHarness(options: {
  readonly server: RedisServer;
  readonly store: Redis;
  readonly leaseMs?: number;
  readonly keyPrefix?: string;
}): Promise<RedisRegistryHarness> {
  const { server, store, leaseMs = 4_000, keyPrefix = 'headwater' } = options;
  const opened: RedisStreamRegistry[] = [];
  const keys = keyNames.map((name) => `{${keyPrefix}}:${name}`);
  const clockKey = keys[0] ?? '';
  await store.del(...keys);
  return {
    leaseMs,
    registry: () => {
      // As many clients as matter; what comes after shares them.
      const index = opened.length < 6 ? opened.length : opened.length % 6;
      const registry =
        opened[index] ?? new RedisStreamRegistry({ clock: realClock, server, leaseMs, keyPrefix });
      if (opened[index] === undefined) opened.push(registry);
      return registry;
    },
    advance: async (byMs) => {
      await store.hincrby(clockKey, 'skipped', -Math.round(byMs));
    },
    loseEverything: async () => {
      await store.del(...keys);
    },
    checkpoint: async () => {
      const held = await Promise.all(keys.map((key) => store.dumpBuffer(key)));
      return async () => {
        await store.del(...keys);
        for (const [index, dump] of held.entries()) {
          if ((dump as Buffer | null) !== null) await store.restore(keys[index] ?? '', 0, dump);
        }
      };
    },
    close: async () => {
      await Promise.all(opened.map((registry) => registry.close()));
    },
  };
}

/** All suites that a registry in Redis passes. */
export function redisConformance(name: string, makeHarness: () => Promise<RedisRegistryHarness>): void {
  registryConformance(name, makeHarness);
  failoverConformance(name, makeHarness);
  jobConformance(name, makeHarness);
  leaderLeaseConformance(name, async () => {
    const harness = await makeHarness();
    return {
      lease: () => harness.registry().leaderLease(),
      advance: (byMs) => harness.advance(byMs),
      close: () => harness.close(),
    };
  });
  upstreamReportsConformance(name, async () => {
    const harness = await makeHarness();
    return { reports: () => harness.registry().upstreamReports(), close: () => harness.close() };
  });
}
