// What the registry costs its Redis: commands grow with nodes and changes, never with viewers or streams.
import type { RedisStreamRegistry } from '@headwater/cluster';
import { claimedRecord, EventLog, testBeat, testClaim, testNode } from '@headwater/cluster/testing';
import { silentLogger, silentMetrics, streamKey } from '@headwater/contracts';
import { Edge } from '@headwater/edge';
import { flvFormat } from '@headwater/media';
import { RecordingSink } from '@headwater/media/testing';
import { Origin } from '@headwater/origin';
import { TestPublisher } from '@headwater/origin/testing';
import { RelayClient, RelayServer } from '@headwater/relay';
import type { Redis } from 'ioredis';
import { beforeEach, expect, it } from 'vitest';
import { defer } from '../support/cleanup.ts';
import { realClock } from '../support/real-clock.ts';
import { openRegistry } from '../support/redis-registry.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import { framesFrom, loneEdge, send } from '../support/streaming-pair.ts';
import { waitUntil } from '../support/wait-until.ts';

let redis: RunningRedis;
let store: Redis;

beforeEach(async () => {
  redis = await startRedis();
  store = redis.client();
});

const open = (): RedisStreamRegistry => openRegistry({ kind: 'single', url: redis.url });

/** Commands that clients have sent, other than those of this test and those that scripts make. */
async function sentCommands(): Promise<number> {
  const stats = await store.info('commandstats');
  let sent = 0;
  for (const [, name, calls] of stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)) {
    if (name === 'eval' || name === 'evalsha' || name === 'xread') sent += Number(calls);
  }
  return sent;
}

/** Commands that the server has worked on, those within scripts and of this test included. */
async function allCommands(): Promise<number> {
  return Number(/^total_commands_processed:(\d+)/m.exec(await store.info('stats'))?.[1]);
}

it('a beat is one command with few in it, whatever the number of streams', async () => {
  const registry = open();
  const node = testNode('n1');
  await registry.join(node);
  const records = await Promise.all(
    Array.from({ length: 500 }, async (_, index) =>
      claimedRecord(await registry.claim(testClaim(node, { stream: streamKey('live', `s${index}`) }))),
    ),
  );
  const before = await sentCommands();
  const allBefore = await allCommands();
  for (let beats = 0; beats < 10; beats++) await registry.heartbeat(testBeat(node, records));
  expect((await allCommands()) - allBefore).toBeLessThan(10 * 40);
  expect((await sentCommands()) - before).toBe(10);
});

it('an event costs each follower one read, however many listen to it', async () => {
  const watchers = [open(), open(), open()];
  const logs = await Promise.all(watchers.map((watcher) => EventLog.open(watcher)));
  for (const watcher of watchers) for (let index = 0; index < 500; index++) watcher.watch(() => undefined);
  const registry = open();
  const node = testNode('n1');
  await registry.join(node);
  await Promise.all(logs.map((log) => log.until('node_joined n1 run 1')));
  const before = await sentCommands();
  const { stream, epoch } = claimedRecord(await registry.claim(testClaim(node)));
  await Promise.all(logs.map((log) => log.until(`stream_claimed ${stream} live n1 ${epoch}`)));
  await waitUntil('all followers wait again', async () =>
    (await store.info('clients')).includes('blocked_clients:3'),
  );
  expect((await sentCommands()) - before).toBeLessThanOrEqual(1 + 3);
});

it('viewers cost nothing', async () => {
  const shared = { clock: realClock, logger: silentLogger, metrics: silentMetrics };
  const access = { decide: () => Promise.resolve({ allowed: true as const }) };
  const node = testNode('n1');
  let relayAddress = '';
  const origin = new Origin({
    ...shared,
    registry: open(),
    access,
    node,
    relayAddress: () => relayAddress,
    ring: {},
    holdMs: 15_000,
    maxPublishers: 10,
  });
  const server = new RelayServer({
    ...shared,
    source: origin.feed,
    probe: () => ({ nodeId: node.nodeId, incarnation: node.incarnation, isDraining: false }),
  });
  relayAddress = (await server.start('127.0.0.1', 0)).address;
  const client = new RelayClient({ ...shared, nodeId: 'edge-1' });
  const edge = new Edge({
    ...shared,
    ...loneEdge,
    registry: open(),
    relay: client,
    access,
    maxViewers: 1_000,
    maxStreams: 10,
  });
  defer(async () => {
    edge.close();
    origin.close();
    client.close();
    await server.stop(100);
  });
  await open().join(node);
  const publisher = new TestPublisher('live/cam1', {});
  await origin.publish(publisher, { sessionId: 'p', protocol: 'rtmp', remoteAddress: '192.0.2.1' });
  send(publisher, framesFrom(0));
  const sinks: RecordingSink[] = [];
  const watch = async (sessionId: string): Promise<void> => {
    const context = { sessionId, protocol: 'http-flv' as const, remoteAddress: '192.0.2.2' };
    const { signal } = new AbortController();
    const viewer = await edge.admit({ app: 'live', name: 'cam1', params: new Map(), context, signal });
    const sink = new RecordingSink();
    sinks.push(sink);
    viewer.deliver({ format: flvFormat, sink, from: 'keyframe' });
  };
  await watch('first');
  await waitUntil('the first viewer sees something', () => sinks[0]?.writes.length);
  await waitUntil('origin and edge wait for news again', async () =>
    (await store.info('clients')).includes('blocked_clients:2'),
  );
  const before = await sentCommands();
  await Promise.all(Array.from({ length: 300 }, (_, index) => watch(`viewer-${index}`)));
  await waitUntil('everybody sees something', () => sinks.every((sink) => sink.writes.length > 0));
  expect((await sentCommands()) - before).toBe(0);
});
