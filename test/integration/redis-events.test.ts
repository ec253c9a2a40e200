// How watchers come through cut connections, a trimmed log and a store that lost its data.
import {
  claimedRecord,
  EventLog,
  ownedStream,
  pollUntil,
  testBeat,
  testClaim,
  testNode,
} from '@headwater/cluster/testing';
import { streamKey } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { openRegistry } from '../support/redis-registry.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import { startTcpGate, type TcpGate } from '../support/tcp-gate.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { RedisStreamRegistry } from '@headwater/cluster';

const n1 = testNode('n1');
const n2 = testNode('n2');
const streams = Array.from({ length: 20 }, (_, index) => streamKey('live', `cam${index}`));
const leaseMs = 1_000;
const events = '{headwater}:events';

let redis: RunningRedis;
let store: Redis;
let gate: TcpGate;
let near: RedisStreamRegistry;
let watcher: RedisStreamRegistry;
let log: EventLog;

beforeEach(async () => {
  redis = await startRedis();
  store = redis.client();
  gate = await startTcpGate(redis.port);
  near = openRegistry({ kind: 'single', url: redis.url }, { leaseMs });
  watcher = openRegistry({ kind: 'single', url: `redis://127.0.0.1:${gate.port}` }, { leaseMs });
  await near.join(n1);
  log = await EventLog.open(watcher);
});

/** Keeps the nodes alive while a test waits. */
async function claimAll(names: readonly (typeof streams)[number][]): Promise<string[]> {
  const heard: string[] = [];
  for (const stream of names) {
    await near.join(n1);
    const { epoch } = claimedRecord(await near.claim(testClaim(n1, { stream, mayReplace: true })));
    heard.push(`stream_claimed ${stream} live n1 ${epoch}`);
  }
  return heard;
}

const claims = (): readonly string[] => log.heard.filter((text) => text.startsWith('stream_claimed'));
const ends = (): readonly string[] => log.heard.filter((text) => text.startsWith('stream_ended'));

describe('a watch', () => {
  it('hears what happened while it was cut off, each event once and in order', async () => {
    const first = await claimAll(streams.slice(0, 5));
    gate.close();
    const second = await claimAll(streams);
    gate.open();
    const third = await claimAll(streams.slice(0, 3));
    await log.until(third.at(-1) ?? '');
    expect(claims()).toEqual([...first, ...second, ...third]);
  });

  it('hears every event through connections that are killed again and again', async () => {
    const told: string[] = [];
    for (const stream of streams) {
      told.push(...(await claimAll([stream])));
      await store.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await waitUntil('commands pass again', () =>
        near.nodes().then(
          () => true,
          () => false,
        ),
      );
    }
    await log.until(told.at(-1) ?? '');
    expect(claims()).toEqual(told);
  });

  it('is told the differences when the log was trimmed meanwhile, ends included', async () => {
    const [kept, moved, gone, fresh] = [streams[0]!, streams[1]!, streams[2]!, streams[3]!];
    const before = await claimAll([kept, moved, gone]);
    await log.until(before.at(-1) ?? '');
    const record = await near.stream(gone);
    gate.close();
    const after = await claimAll([moved, fresh]);
    await near.release(gone, n1, record?.epoch ?? 0);
    await store.xtrim(events, 'MAXLEN', 1);
    gate.open();
    await log.until(`stream_ended ${gone} ended n1 ${record?.epoch ?? 0}`);
    await waitUntil('the claims are told', () => claims().length === before.length + after.length);
    expect([...claims()].sort()).toEqual([...before, ...after].sort());
    const later = await claimAll([streams[4]!]);
    await log.until(later[0] ?? '');
  });

  it('notices a gap in the log without losing its connection', async () => {
    const [first] = await claimAll([streams[0]!]);
    await log.until(first ?? '');
    const lost = await store
      .multi()
      .hset('{headwater}:clock', 'seq', '1000')
      .exec()
      .then(() => claimAll(streams.slice(1, 3)));
    // Over a gap it hears what it finds, which has no order.
    for (const each of lost) await log.until(each);
    expect([...claims()].sort()).toEqual([first, ...lost].sort());
  });

  it('hears of no end when the store lost its data and the owners restore it', async () => {
    await claimAll(streams.slice(0, 2));
    const records = await near.streams();
    await store.flushall();
    await near.join(n1);
    await near.heartbeat(testBeat(n1, records));
    const [next] = await claimAll([streams[5]!]);
    await log.until(next ?? '');
    const deadline = performance.now() + 2 * leaseMs;
    await pollUntil('the grace to be over', async () => {
      await near.heartbeat(testBeat(n1, await near.streams()));
      return performance.now() > deadline;
    });
    expect(ends()).toEqual([]);
    expect(claims()).toHaveLength(3);
    expect(log.heard.filter((text) => /^node_(left|joined)/.test(text))).toEqual([]);
  });

  it('hears of the end of what nobody restores, after the owners had their time', async () => {
    await near.join(n2);
    await claimAll([streams[0]!]);
    const gone = claimedRecord(await near.claim(testClaim(n2, { stream: streams[1]! })));
    await log.until(`stream_claimed ${gone.stream} live n2 ${gone.epoch}`);
    const record = await near.stream(streams[0]!);
    await store.flushall();
    await near.join(n1);
    await near.heartbeat(testBeat(n1, [record!]));
    await log.until(`stream_ended ${gone.stream} ended n2 ${gone.epoch}`);
    await log.until('node_left n2 run 1');
    expect(ends()).toHaveLength(1);
  });

  it('does not go back to an older owner when the store forgot a takeover', async () => {
    const stream = streams[0]!;
    await near.join(n2);
    const first = claimedRecord(await near.claim(testClaim(n1, { stream, credential: 'c' })));
    const held = await Promise.all(
      (await store.keys('*')).map(async (key) => [key, await store.dumpBuffer(key)] as const),
    );
    const second = claimedRecord(await near.claim(testClaim(n2, { stream, credential: 'c' })));
    await log.until(`stream_claimed ${stream} live n2 ${second.epoch}`);
    gate.close();
    for (const [key, dump] of held) await store.restore(key, 0, dump, 'REPLACE');
    gate.open();
    await near.heartbeat(testBeat(n1, [first]));
    await near.heartbeat(testBeat(n2, [[stream, ownedStream(second)]]));
    const [next] = await claimAll([streams[5]!]);
    await log.until(next ?? '');
    expect(claims().filter((text) => text.includes(stream))).toEqual([
      `stream_claimed ${stream} live n1 ${first.epoch}`,
      `stream_claimed ${stream} live n2 ${second.epoch}`,
    ]);
  });

  it('that began while there was no server hears of what it finds', async () => {
    gate.close();
    const late = openRegistry({ kind: 'single', url: `redis://127.0.0.1:${gate.port}` }, { leaseMs });
    const heard: string[] = [];
    late.watch((event) => heard.push(event.type));
    await claimAll([streams[0]!]);
    await waitUntil('it has tried', () =>
      late.nodes().then(
        () => false,
        () => true,
      ),
    );
    gate.open();
    await waitUntil('it hears', () => heard.includes('stream_claimed'));
    expect(heard).toContain('node_joined');
  });
});
