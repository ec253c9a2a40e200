// Publishers that come while the registry is away, and what becomes of their streams when it returns.
import { parseStreamKey, silentLogger, silentMetrics, type AccessPolicy } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry, type Standby, type StreamRecord } from '@headwater/cluster';
import {
  ownedStream,
  refOf,
  testBeat,
  testClaim,
  testNode,
  UnreliableRegistry,
} from '@headwater/cluster/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { goodStanding, type RegistryStanding } from './registry-standing.ts';
import { Origin } from './origin.ts';
import { TestPublisher } from './testing/index.ts';

const key = parseStreamKey('live/cam1');
const here = testNode('origin-1');
const there = testNode('origin-2');
const header = Buffer.from([0xaf, 0, 0x12, 0x10]);
const audio = Buffer.from([0xaf, 1, 2, 3]);
// The longest pause between two tries, and its spread.
const pauseMs = 2_500;
const firstPauseMs = 200;
const leaseMs = 4_000;

const access: AccessPolicy = {
  decide: ({ params }) => {
    const credential = params.get('token');
    return Promise.resolve({ allowed: true, ...(credential === undefined ? {} : { credential }) });
  },
};

let clock: ManualClock;
let store: MemoryStreamRegistry;
let registry: UnreliableRegistry;
let standing: RegistryStanding;
let gauges: Map<string, number>;
let outcomes: string[];
let origin: Origin;

beforeEach(async () => {
  clock = new ManualClock();
  store = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000_000 });
  registry = new UnreliableRegistry(store);
  for (const node of [here, there]) await store.join(node);
  clock.advance(10_000);
  standing = { ...goodStanding, joinedAtMs: clock.nowMs() - 10_000, leaseMs };
  gauges = new Map();
  outcomes = [];
  origin = new Origin({
    clock,
    logger: silentLogger,
    metrics: {
      ...silentMetrics,
      gauge: ({ name }) => ({ set: (value) => gauges.set(name, value) }),
      counter: ({ name }) => ({
        add: (_value, labels) => {
          if (name === 'headwater_origin_late_claims_total') outcomes.push(labels?.['outcome'] ?? '');
        },
      }),
    },
    registry,
    access,
    node: refOf(here),
    relayAddress: () => '10.0.0.1:1',
    ring: {},
    holdMs: 60_000,
    maxPublishers: 3,
    standing: () => standing,
    random: () => 0.5,
  });
});

async function publish(name: string, params: Readonly<Record<string, string>> = {}): Promise<TestPublisher> {
  const publisher = new TestPublisher(name, params);
  await origin.publish(publisher, { sessionId: 'x', protocol: 'rtmp', remoteAddress: '' });
  return publisher;
}

/** Lets timers and what they begin run. */
async function pass(ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 50) {
    clock.advance(50);
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  }
}

const epochHere = (): number => origin.streams.get(key)?.epoch ?? 0;
const provisional = (): number | undefined => gauges.get('headwater_origin_provisional_streams');

/** A claim by the other node, which goes on to have the stream live. */
async function claimThere(changes = {}): Promise<StreamRecord> {
  const result = await store.claim(testClaim(there, changes));
  if (result.outcome === 'refused') throw new Error('the other node was refused');
  return result.record;
}

describe('while the registry is away', () => {
  beforeEach(() => {
    registry.condition = 'down';
  });

  it('a publisher is accepted, at an epoch of the wall clock, and no beat names its stream', async () => {
    const publisher = await publish('live/cam1');
    expect(publisher.isAccepted).toBe(true);
    // In a place of the node's own within 64 ms: two nodes with clocks apart are not to meet.
    expect(Math.floor(epochHere() / 64)).toBe(Math.floor(clock.wallMs() / 64));
    expect(origin.owned().size).toBe(0);
    expect(provisional()).toBe(1);
  });

  it('a registry that says nothing at all is waited for a moment only', async () => {
    registry.condition = 'mute';
    const publisher = new TestPublisher('live/cam1');
    void origin.publish(publisher, { sessionId: 'x', protocol: 'rtmp', remoteAddress: '' });
    await pass(1_600);
    expect(publisher.isAccepted).toBe(true);
  });

  it('the epoch is above all that the node has seen of the stream', async () => {
    registry.condition = 'up';
    const ahead = 2 ** 45;
    await claimThere({ seenEpoch: ahead });
    expect((await publish('live/cam1')).refusedWith?.code).toBe('already_publishing');
    registry.condition = 'down';
    await publish('live/cam1');
    expect(epochHere()).toBeGreaterThan(ahead + 1);
    // By a distance that no other node behind the same epoch is likely to draw.
    expect(epochHere()).toBeLessThan(ahead + 100_000);
  });

  it('a second publisher is judged as always', async () => {
    const first = await publish('live/cam1', { token: 'a' });
    const epoch = epochHere();
    expect((await publish('live/cam1', { token: 'b' })).refusedWith?.code).toBe('already_publishing');
    expect((await publish('live/cam1', { token: 'a' })).isAccepted).toBe(true);
    expect(first.closedFor).toBe('replaced');
    expect(epochHere()).toBeGreaterThan(epoch);
    expect(provisional()).toBe(1);
  });

  it('there are never more provisional streams than publishers are allowed, held ones included', async () => {
    for (const name of ['live/a', 'live/b', 'live/c']) (await publish(name)).leave('client_closed');
    expect((await publish('live/d')).refusedWith?.code).toBe('limit_reached');
    expect((await publish('live/a')).isAccepted).toBe(true);
  });

  it('a stream that ends has no standby any more', async () => {
    registry.condition = 'up';
    const publisher = await publish('live/cam1');
    const standby: Standby = { ...refOf(there), relayAddress: '10.0.0.2:1', publishes: true };
    await store.setStandby({ token: 1, stream: key, epoch: epochHere(), standby });
    expect(origin.continuity.standbyOf(key)).toEqual(standby);
    registry.condition = 'down';
    origin.kick(key);
    expect(publisher.closedFor).toBe('kicked');
    expect(origin.continuity.standbyOf(key)).toBeUndefined();
  });

  it('a stream that is over by then is never claimed', async () => {
    const publisher = await publish('live/cam1');
    publisher.leave('unpublished');
    registry.condition = 'up';
    await pass(pauseMs);
    expect(await store.streams()).toEqual([]);
    expect(provisional()).toBe(0);
    expect(outcomes).toEqual(['dropped']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('tries become rare, and end with the node', async () => {
    await publish('live/cam1');
    await pass(60_000);
    const calls = registry.calls.filter((call) => call === 'stream').length;
    expect(calls).toBeGreaterThan(25);
    expect(calls).toBeLessThan(40);
    origin.close();
    await pass(10_000);
    expect(registry.calls.filter((call) => call === 'stream')).toHaveLength(calls);
  });
});

describe('when the registry is back', () => {
  async function outage(params: Readonly<Record<string, string>> = {}): Promise<TestPublisher> {
    registry.condition = 'down';
    const publisher = await publish('live/cam1', params);
    publisher.send('audio', 0, header);
    publisher.send('audio', 20, audio);
    await pass(5_000);
    return publisher;
  }

  it('a free stream is claimed at the epoch that it is served at, with its codecs', async () => {
    const publisher = await outage({ token: 'a' });
    const epoch = epochHere();
    registry.condition = 'up';
    await pass(pauseMs);
    const record = await store.stream(key);
    expect(record).toMatchObject({
      owner: refOf(here),
      epoch,
      state: 'live',
      credential: 'a',
      codecs: ['mp4a'],
    });
    expect(publisher.closedFor).toBeUndefined();
    expect(origin.owned().get(key)).toMatchObject({ epoch });
    expect(outcomes).toEqual(['claimed']);
    expect(provisional()).toBe(0);
  });

  it('a stream that somebody else has, without the same credential, is given up, and its publisher told', async () => {
    const record = await claimThere({ credential: 'other' });
    const publisher = await outage({ token: 'a' });
    expect(publisher.closedFor).toBeUndefined();
    registry.condition = 'up';
    await pass(pauseMs);
    expect(publisher.closedFor).toBe('replaced');
    expect(await store.stream(key)).toEqual(record);
    expect(origin.streams.size).toBe(0);
    expect(outcomes).toEqual(['refused']);
  });

  it('a stream that somebody else has with the same credential is taken over', async () => {
    const record = await claimThere({ credential: 'a' });
    const publisher = await outage({ token: 'a' });
    registry.condition = 'up';
    await pass(pauseMs);
    expect(publisher.closedFor).toBeUndefined();
    expect(await store.stream(key)).toMatchObject({ owner: refOf(here), epoch: epochHere() });
    expect(epochHere()).toBeGreaterThan(record.epoch);
  });

  it('a backup that came meanwhile does not take its primary over', async () => {
    const record = await claimThere({ credential: 'a' });
    const publisher = await outage({ token: 'a', backup: '1' });
    registry.condition = 'up';
    await pass(pauseMs);
    expect(publisher.closedFor).toBe('replaced');
    expect(await store.stream(key)).toEqual(record);
  });

  it('a stream whose recorded epoch is higher goes on at another one, with its publisher and its headers', async () => {
    const publisher = await outage({ token: 'a' });
    const epoch = epochHere();
    // A claim that came through although its answer did not.
    await store.claim(testClaim(here, { credential: 'a', seenEpoch: epoch + 1_000_000 }));
    registry.condition = 'up';
    await pass(pauseMs);
    const record = await store.stream(key);
    expect(record).toMatchObject({ owner: refOf(here), epoch: epochHere(), codecs: ['mp4a'] });
    expect(epochHere()).toBe(epoch + 1_000_002);
    expect(outcomes).toEqual(['raised']);
    expect(publisher.closedFor).toBeUndefined();
    publisher.send('audio', 40, audio);
    const live = origin.streams.get(key)?.live;
    expect(live?.stats.framesIn).toBe(2);
    expect(live?.headers(0).map(({ payload }) => payload)).toEqual([header]);
    publisher.leave('unpublished');
    await pass(50);
    expect(await store.stream(key)).toBeUndefined();
  });

  it('of two that took the same key one has it, and the other one lets go', async () => {
    const publisher = await outage();
    // The other origin was quicker to claim what it took while the registry was away.
    const winner = await claimThere({ servedEpoch: epochHere() - 1 });
    registry.condition = 'up';
    await pass(pauseMs);
    expect(publisher.closedFor).toBe('replaced');
    expect(await store.stream(key)).toEqual(winner);
  });

  it('a stream that the node had before keeps its place, and goes on at the new epoch', async () => {
    const first = await publish('live/cam1', { token: 'a' });
    const former = epochHere();
    first.leave('client_closed');
    await pass(100);
    await outage({ token: 'a' });
    // The beat names what the registry has, so that it takes that neither for forgotten nor for somebody else's.
    expect(origin.owned().get(key)).toMatchObject({ epoch: former, state: 'live', credential: 'a' });
    origin.yieldStreams(new Map([[key, former]]));
    expect(origin.streams.has(key)).toBe(true);
    registry.condition = 'up';
    await pass(pauseMs);
    expect(await store.stream(key)).toMatchObject({ owner: refOf(here), epoch: epochHere(), state: 'live' });
    expect(epochHere()).toBeGreaterThan(former);
  });

  it('a claim whose answer was lost is no rival', async () => {
    await outage();
    await store.claim(testClaim(here));
    registry.condition = 'up';
    await pass(pauseMs);
    expect(await store.stream(key)).toMatchObject({ owner: refOf(here), epoch: epochHere() });
    expect(origin.streams.get(key)?.state).toBe('live');
  });

  it('a held stream is claimed by nobody, and the publisher that comes back to it by itself', async () => {
    const publisher = await outage();
    publisher.leave('client_closed');
    registry.condition = 'up';
    await pass(5_000);
    expect(await store.streams()).toEqual([]);
    expect((await publish('live/cam1')).isAccepted).toBe(true);
    expect(await store.stream(key)).toMatchObject({ owner: refOf(here), epoch: epochHere(), state: 'live' });
    expect(provisional()).toBe(0);
  });

  it('with nothing in it, owners get the time to restore what is theirs before anybody claims it', async () => {
    const record = await claimThere();
    const publisher = await outage();
    store.restore();
    for (const node of [here, there]) await store.join(node);
    standing = { ...standing, joinedAtMs: clock.nowMs() };
    registry.condition = 'up';
    await pass(leaseMs - 100);
    expect(await store.streams()).toEqual([]);
    await store.heartbeat(testBeat(there, [[key, ownedStream(record)]]));
    await pass(pauseMs);
    expect(publisher.closedFor).toBe('replaced');
    expect(await store.stream(key)).toMatchObject({ owner: refOf(there), epoch: record.epoch });
  });

  it('with nothing in it, a stream that nobody restores is claimed a lease later, after a few questions', async () => {
    await outage();
    store.restore();
    for (const node of [here, there]) await store.join(node);
    const before = registry.calls.length;
    standing = { ...standing, joinedAtMs: clock.nowMs(), leaseMs: 10_000 };
    registry.condition = 'up';
    await pass(9_950);
    expect(await store.streams()).toEqual([]);
    await pass(firstPauseMs);
    expect(registry.calls.length - before).toBeLessThan(12);
    expect(await store.stream(key)).toMatchObject({ owner: refOf(here), epoch: epochHere() });
  });
});

describe('a registry that has forgotten the node', () => {
  beforeEach(() => {
    standing = { ...standing, joinedAtMs: clock.nowMs(), rejoinedAtMs: clock.nowMs() };
  });

  it('is not believed that a stream is free before a lease is over', async () => {
    const publisher = await publish('live/cam1');
    expect([publisher.isAccepted, provisional()]).toEqual([true, 1]);
    // Its owner beats again only now.
    const record = await claimThere();
    await pass(pauseMs);
    expect(publisher.closedFor).toBe('replaced');
    expect(await store.stream(key)).toEqual(record);
  });

  it('is believed that somebody has a stream, and everything once a lease is over', async () => {
    await claimThere();
    expect((await publish('live/cam1')).refusedWith?.code).toBe('already_publishing');
    clock.advance(leaseMs);
    await publish('live/cam2');
    expect((await store.stream(parseStreamKey('live/cam2')))?.state).toBe('live');
    expect(provisional() ?? 0).toBe(0);
  });
});

describe('a node that the others may hold for dead', () => {
  it('accepts a publisher without a word to the registry, and claims once it has been heard of again', async () => {
    standing = { ...standing, isDoubtful: true };
    const publisher = await publish('live/cam1');
    expect(publisher.isAccepted).toBe(true);
    await pass(10_000);
    expect(registry.calls).toEqual([]);
    expect(await store.streams()).toEqual([]);
    standing = { ...standing, isDoubtful: false };
    await pass(1_000);
    expect(await store.stream(key)).toMatchObject({ owner: refOf(here), epoch: epochHere() });
  });

  it('goes on to serve what it has, and loses it only to somebody who has it', async () => {
    const publisher = await publish('live/cam1');
    standing = { ...standing, isDoubtful: true };
    await pass(60_000);
    publisher.send('audio', 0, audio);
    expect(origin.streams.get(key)).toMatchObject({ state: 'live' });
    expect(origin.owned().has(key)).toBe(true);
  });
});
