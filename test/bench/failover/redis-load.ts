// What a cluster asks of Redis, from the server's own counters.
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { waitUntil } from '../../support/wait-until.ts';

/** Rates over some seconds. */
export interface RedisLoad {
  /** Commands that clients sent: scripts and reads of the event log. */
  readonly requestsPerSecond: number;
  /** All commands, those within scripts included. */
  readonly commandsPerSecond: number;
}

interface Counters {
  readonly requests: number;
  readonly commands: number;
  readonly atMs: number;
}

/** What clients send; everything else happens within scripts, or is ours. */
const requestNames = ['evalsha', 'eval', 'xread', 'xrange'];

/** Measures for so long. */
export async function redisLoad(client: Redis, seconds: number): Promise<RedisLoad> {
  const before = await countersOf(client);
  await delay(seconds * 1_000);
  const after = await countersOf(client);
  const spanSeconds = (after.atMs - before.atMs) / 1_000;
  return {
    requestsPerSecond: (after.requests - before.requests) / spanSeconds,
    commandsPerSecond: (after.commands - before.commands) / spanSeconds,
  };
}

/** Resolves when Redis gets at most so many requests a second; rejects when that does not come about. */
export async function untilQuiet(client: Redis, requestsPerSecond: number, timeoutMs: number): Promise<void> {
  const isQuiet = async (): Promise<boolean> =>
    (await redisLoad(client, 1)).requestsPerSecond <= requestsPerSecond;
  await waitUntil('redis is quiet', isQuiet, { timeoutMs });
}

async function countersOf(client: Redis): Promise<Counters> {
  const atMs = performance.now();
  const stats = await client.info('stats');
  const byCommand = await client.info('commandstats');
  const requests = requestNames.reduce(
    (sum, name) => sum + Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(byCommand)?.[1] ?? 0),
    0,
  );
  return { requests, commands: Number(/^total_commands_processed:(\d+)/m.exec(stats)?.[1]), atMs };
}
