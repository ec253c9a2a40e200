// The registry over Sentinel: the suite that all registries pass, and a failover that loses the last writes.
import { NodeHeart, type OwnedStream } from '@headwater/cluster';
import { claimedRecord, EventLog, ownedStream, testClaim, testNode } from '@headwater/cluster/testing';
import { silentLogger, type StreamKey } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.ts';
import { realClock } from '../support/real-clock.ts';
import { openRegistry, redisConformance, redisHarness } from '../support/redis-registry.ts';
import { type RunningSentinels, startSentinels } from '../support/redis-sentinel.ts';
import { waitUntil } from '../support/wait-until.ts';

let running: RunningSentinels;
let store: Redis;

beforeAll(async () => {
  running = await startSentinels();
  store = running.servers[0].client();
});

const server = () => ({ kind: 'sentinel', sentinels: running.sentinels, master: running.master }) as const;

redisConformance('RedisStreamRegistry under Sentinel', () => redisHarness({ server: server(), store }));

// After the suite: this ends with another master.
describe('a registry under Sentinel', () => {
  it('comes through a failover that lost the last writes, with all that its nodes own', async () => {
    const watcher = openRegistry(server());
    const log = await EventLog.open(watcher);
    const owned = new Map<string, Map<StreamKey, OwnedStream>>();
    const lost: StreamKey[] = [];
    const nodes = [testNode('n1'), testNode('n2')];
    const registries = nodes.map((node) => {
      const registry = openRegistry(server());
      const streams = new Map<StreamKey, OwnedStream>();
      owned.set(node.nodeId, streams);
      const heart = new NodeHeart({
        registry,
        clock: realClock,
        logger: silentLogger,
        node,
        load: () => node.load,
        isDraining: () => false,
        owned: () => streams,
        onLost: (gone) => {
          lost.push(...gone.keys());
          for (const stream of gone.keys()) streams.delete(stream);
        },
        limits: { periodMs: 200 },
      });
      void heart.start();
      defer(() => heart.stop());
      return registry;
    });
    const [first, second] = registries as [(typeof registries)[0], (typeof registries)[0]];
    const [n1, n2] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    await waitUntil(
      'both nodes are there',
      async () => (await watcher.nodes()).filter(isTested).length === 2,
    );
    const before = claimedRecord(await first.claim(testClaim(n1, { credential: 'c' })));
    owned.get('n1')?.set(before.stream, ownedStream(before));
    await waitUntil(
      'the replica has it',
      async () => (await running.servers[1].client().hget('{headwater}:streams', before.stream)) !== null,
    );

    // The replica hears no more; what is written now is lost with the master.
    await running.servers[1].client().replicaof('127.0.0.1', 1);
    const after = claimedRecord(await second.claim(testClaim(n2, { credential: 'c' })));
    owned.get('n2')?.set(after.stream, ownedStream(after));
    running.servers[0].kill('SIGKILL');
    await waitUntil(
      'the replica is the master',
      async () => (await running.masterPort()) === running.servers[1].port,
      { timeoutMs: 20_000 },
    );
    await waitUntil('the later owner has the stream back', async () => {
      const record = await watcher.stream(after.stream).catch(() => undefined);
      return record?.epoch === after.epoch && record.owner.nodeId === 'n2' && record.state === 'live';
    });
    await waitUntil('the earlier owner has yielded', () => lost.length > 0);
    expect(lost).toEqual([before.stream]);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    const next = claimedRecord(await first.claim(testClaim(n1, { credential: 'c' })));
    expect(next.epoch).toBeGreaterThan(after.epoch);
    await log.until(`stream_claimed ${next.stream} live n1 ${next.epoch}`);
    const epochs = log.heard
      .filter((text) => text.startsWith('stream_claimed'))
      .map((text) => Number(text.split(' ')[4]));
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
    expect(log.heard.filter((text) => text.startsWith('stream_ended'))).toEqual([]);
  });
});

const isTested = ({ nodeId }: { readonly nodeId: string }): boolean => nodeId === 'n1' || nodeId === 'n2';
