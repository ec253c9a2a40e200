import { silentLogger, silentMetrics } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { Origin } from '@headwater/origin';
import { TestPublisher } from '@headwater/origin/testing';
import { beforeEach, expect, it } from 'vitest';
import { openAccess } from '../access/open-access.ts';
import { Drain } from './drain.ts';

let clock: ManualClock;
let origin: Origin;
let announced: number;
let drain: Drain;

beforeEach(async () => {
  clock = new ManualClock();
  const registry = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000 });
  const node = testNode('origin-1');
  await registry.join(node);
  origin = new Origin({
    clock,
    logger: silentLogger,
    metrics: silentMetrics,
    registry,
    access: openAccess,
    node: { nodeId: node.nodeId, incarnation: node.incarnation },
    relayAddress: () => '127.0.0.1:1',
    ring: {},
    holdMs: 1_000,
    maxPublishers: 100,
  });
  announced = 0;
  drain = new Drain({
    clock,
    logger: silentLogger,
    origin,
    audience: undefined,
    forwarder: undefined,
    announce: async () => {
      announced++;
      await Promise.resolve();
    },
  });
});

async function publish(key: string): Promise<TestPublisher> {
  const publisher = new TestPublisher(key);
  await origin.publish(publisher, { sessionId: key, protocol: 'rtmp', remoteAddress: '' });
  return publisher;
}

// Time moves in small steps, so that what waits between them has its turn.
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50);
    await new Promise(setImmediate);
  }
}

it('ends at once when nobody is there, and has told the cluster', async () => {
  await drain.run(60_000);
  expect(announced).toBe(1);
});

it('asks publishers to move and takes no new ones, and ends when the last is gone', async () => {
  const publisher = await publish('live/a');
  const drained = drain.run(60_000);
  await pass(100);
  expect(publisher.reconnectRequests).toBe(1);
  expect((await publish('live/b')).refusedWith?.code).toBe('draining');
  expect(publisher.closedFor).toBeUndefined();
  publisher.leave('unpublished');
  await pass(200);
  await drained;
});

it('sends those that are left away at the deadline, one after the other', async () => {
  const publishers = [await publish('live/a'), await publish('live/b')];
  const drained = drain.run(5_000);
  await pass(4_900);
  expect(publishers.map(({ closedFor }) => closedFor)).toEqual([undefined, undefined]);
  await pass(100);
  expect(publishers.map(({ closedFor }) => closedFor)).toEqual(['shutdown', undefined]);
  await pass(200);
  await drained;
  expect(publishers.map(({ closedFor }) => closedFor)).toEqual(['shutdown', 'shutdown']);
});

it('takes no more than two seconds beyond the deadline for very many', async () => {
  const publishers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => publish(`live/${String(n)}`)),
  );
  const drained = drain.run(1_000);
  await pass(900);
  expect(publishers.filter(({ closedFor }) => closedFor !== undefined)).toEqual([]);
  for (let passed = 0; passed < 2_200; passed += 20) {
    clock.advance(20);
    await new Promise(setImmediate);
  }
  expect(publishers.filter(({ closedFor }) => closedFor === undefined)).toEqual([]);
  await drained;
});

it('begins once, however often it is asked', async () => {
  await publish('live/a');
  const both = Promise.all([drain.run(1_000), drain.run(60_000)]);
  await pass(1_200);
  await both;
  expect(announced).toBe(1);
});
