import { MemoryStreamRegistry, RedisStreamRegistry, type StreamRegistry } from '@headwater/cluster';
import type { RedisConfig } from '@headwater/contracts';
import type { NodeContext } from '../node-context.ts';

/** The registry that the configuration names. */
export function openRegistry({ config, clock, logger }: NodeContext): StreamRegistry {
  const { redis, leaseMs } = config.registry;
  if (redis === undefined) return new MemoryStreamRegistry({ clock, logger, leaseMs });
  const { server, keyPrefix } = redis;
  return new RedisStreamRegistry({ clock, logger, leaseMs, server, keyPrefix, access: accessOf(redis) });
}

function accessOf({ username, password, hasTls }: RedisConfig): {
  username?: string;
  password?: string;
  tls?: object;
} {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(hasTls ? { tls: {} } : {}),
  };
}
