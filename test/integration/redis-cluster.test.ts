// The registry over a Redis Cluster: the suite that all registries pass, and a slot that moves.
import { claimedRecord, EventLog, testClaim, testNode } from '@headwater/cluster/testing';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunningRedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { openRegistry, redisConformance, redisHarness } from '../support/redis-registry.ts';
import type { RunningRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

let cluster: RunningRedisCluster;
let holder: RunningRedis;
let store: Redis;

beforeAll(async () => {
  cluster = await startRedisCluster();
  holder = await masterOf('headwater');
  store = holder.client();
});

async function masterOf(tag: string): Promise<RunningRedis> {
  for (const server of cluster.servers) {
    const client = server.client();
    const slot = await client.call('CLUSTER', 'KEYSLOT', `{${tag}}`);
    const mine = (await client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const range = mine.find(([first, last]) => first <= Number(slot) && Number(slot) <= last);
    if (range?.[2][1] === server.port) return server;
  }
  throw new Error('no node has the slot');
}

redisConformance('RedisStreamRegistry on a cluster', () =>
  redisHarness({ server: { kind: 'cluster', nodes: cluster.nodes }, store }),
);

describe('a registry on a cluster', () => {
  it('finds the node that has its keys from any single one, with two connections in all', async () => {
    for (const [index, node] of cluster.nodes.entries()) {
      const registry = openRegistry({ kind: 'cluster', nodes: [node] }, { keyPrefix: `seed${index}` });
      const log = await EventLog.open(registry);
      await registry.join(testNode('n1'));
      await log.until('node_joined n1 run 1');
      await waitUntil('only two connections are left', async () => {
        const lists = await Promise.all(cluster.servers.map((server) => server.client().client('LIST')));
        const names = lists.join('\n').match(/name=headwater-\w+/g) ?? [];
        return names.length === 2 && new Set(names).size === 2;
      });
      await registry.close();
    }
  });

  it('follows its slot to another node', async () => {
    const registry = openRegistry({ kind: 'cluster', nodes: cluster.nodes }, { keyPrefix: 'moving' });
    const log = await EventLog.open(registry);
    const n1 = testNode('n1');
    await registry.join(n1);
    const { epoch, stream } = claimedRecord(await registry.claim(testClaim(n1)));
    await moveSlot('moving');
    await waitUntil('the registry is found again', async () => {
      const record = await registry.stream(stream).catch(() => undefined);
      return record?.epoch === epoch && record.state === 'live';
    });
    expect(await registry.update({ stream, owner: n1, epoch, codecs: ['x'] })).toBe(true);
    await log.until(`stream_updated ${stream} live n1 ${epoch}`);
  });
});

async function moveSlot(tag: string): Promise<void> {
  const from = await masterOf(tag);
  const to = cluster.servers.find((server) => server !== from) ?? from;
  const [source, target] = [from.client(), to.client()];
  const slot = String(await source.call('CLUSTER', 'KEYSLOT', `{${tag}}`));
  const ids = await Promise.all(
    [source, target].map(async (node) => String(await node.call('CLUSTER', 'MYID'))),
  );
  const [sourceId = '', targetId = ''] = ids;
  await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
  const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[];
  await source.call('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
  for (const node of [target, source]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
}
