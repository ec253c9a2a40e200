import { streamKey, type Logger, type StreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStreamRegistry } from './memory-stream-registry.ts';
import { NodeHeart, type NodeHeartOptions } from './node-heart.ts';
import type { OwnedStream } from './stream-registry.ts';
import {
  claimedRecord,
  ownedStream,
  pollUntil,
  testClaim,
  testNode,
  UnreliableRegistry,
  testBeat,
} from './testing/index.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');

let clock: ManualClock;
let memory: MemoryStreamRegistry;
let registry: UnreliableRegistry;
let viewers: number;
let isDraining: boolean;
let owned: Map<StreamKey, OwnedStream>;
let lost: Map<StreamKey, number>[];
let superseded: number;
let logged: string[];

beforeEach(() => {
  clock = new ManualClock();
  memory = new MemoryStreamRegistry({ clock });
  registry = new UnreliableRegistry(memory);
  viewers = 0;
  isDraining = false;
  owned = new Map();
  lost = [];
  superseded = 0;
  logged = [];
});

function makeHeart(changes: Partial<NodeHeartOptions> = {}): NodeHeart {
  const log = (_fields: unknown, message: string): void => void logged.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
  return new NodeHeart({
    registry,
    clock,
    logger,
    node: n1,
    load: () => ({ cpu: 0, publishers: 0, viewers, egressBitsPerSecond: 0 }),
    isDraining: () => isDraining,
    owned: () => owned,
    onLost: (streams) => lost.push(new Map(streams)),
    onSuperseded: () => superseded++,
    ...changes,
  });
}

/** Lets time pass in small steps, and what it sets off settle. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    clock.advance(Math.min(100, left));
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  }
}

function beats(): number {
  return registry.calls.filter((method) => method === 'heartbeat').length;
}

describe('the heart of a node', () => {
  it('joins, then beats once a second with the load, the draining and the streams of the moment', async () => {
    const heart = makeHeart();
    expect(heart.state).toBe('idle');
    await heart.start();
    expect(heart.state).toBe('beating');
    expect(registry.calls).toEqual(['join', 'heartbeat']);
    viewers = 7;
    await pass(1_000);
    expect(beats()).toBe(2);
    expect(await memory.nodes()).toEqual([{ ...n1, load: { ...n1.load, viewers: 7 } }]);
    await pass(30_000);
    expect(beats()).toBe(32);
    expect(await memory.nodes()).toHaveLength(1);
    await heart.stop();
  });

  it('beats at once when asked to, and once more when asked while it beats', async () => {
    const heart = makeHeart();
    await heart.start();
    isDraining = true;
    await heart.beat();
    expect(await memory.nodes()).toMatchObject([{ isDraining: true }]);
    const before = beats();
    await Promise.all([heart.beat(), heart.beat(), heart.beat()]);
    expect(beats() - before).toBe(2);
    await pass(1_000);
    expect(beats() - before).toBe(3);
    await heart.stop();
  });

  it('leaves when stopped, and does nothing more', async () => {
    const heart = makeHeart();
    await heart.start();
    await heart.stop();
    await heart.stop();
    await heart.start();
    await heart.beat();
    expect(await memory.nodes()).toEqual([]);
    await pass(5_000);
    expect(registry.calls).toEqual(['join', 'heartbeat', 'leave']);
    await memory.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not touch the registry when stopped before its start', async () => {
    const heart = makeHeart();
    await heart.stop();
    expect(registry.calls).toEqual([]);
  });

  it('joins again when the registry has forgotten it, and hears at once what it lost meanwhile', async () => {
    const taken = streamKey('live', 'taken');
    const heart = makeHeart();
    await heart.start();
    for (const key of [stream, taken]) {
      owned.set(key, ownedStream(claimedRecord(await memory.claim(testClaim(n1, { stream: key })))));
    }
    await memory.leave(n1);
    await memory.join(n2);
    await memory.claim(testClaim(n2, { stream: taken }));
    await heart.beat();
    expect(registry.calls.slice(-3)).toEqual(['heartbeat', 'join', 'heartbeat']);
    expect(lost).toEqual([new Map([[taken, owned.get(taken)?.epoch]])]);
    expect(await memory.stream(stream)).toMatchObject({ state: 'live', owner: { nodeId: 'n1' } });
    await heart.stop();
  });

  it('names a lost stream with the epoch that the beat carried, not one claimed since', async () => {
    const heart = makeHeart();
    await heart.start();
    const request = testClaim(n1, { credential: 'c' });
    const record = claimedRecord(await memory.claim(request));
    const { epoch } = record;
    owned.set(stream, ownedStream(record));
    await memory.join(n2);
    await memory.claim(testClaim(n2, { credential: 'c' }));
    const beating = heart.beat();
    owned.set(stream, ownedStream({ ...record, epoch: epoch + 100 }));
    await beating;
    expect(lost).toEqual([new Map([[stream, epoch]])]);
    await heart.stop();
  });

  it('yields to another process of its name: drops everything and does not come back', async () => {
    const heart = makeHeart();
    await heart.start();
    owned.set(stream, ownedStream(claimedRecord(await memory.claim(testClaim(n1)))));
    const successor = testNode('n1', { incarnation: 'n1 run 2' });
    await memory.join(successor);
    for (let beat = 0; beat < 8; beat++) {
      await pass(1_000);
      await memory.heartbeat(testBeat(successor));
    }
    expect(heart.state).toBe('stopped');
    expect(superseded).toBe(1);
    expect(logged).toEqual([
      'another process runs as this node: one of them needs another node.id and a restart',
    ]);
    expect(lost).toEqual([new Map([[stream, owned.get(stream)?.epoch]])]);
    await heart.stop();
    expect(registry.calls.filter((method) => method === 'leave' || method === 'join')).toEqual(['join']);
  });

  it('outlasts an earlier run of its node that a failover has brought back', async () => {
    await memory.join(testNode('n1', { incarnation: 'n1 run 0' }));
    const saved = memory.save();
    const heart = makeHeart();
    await heart.start();
    memory.restore(saved);
    await pass(8_000);
    expect([heart.state, superseded, lost]).toEqual(['beating', 0, []]);
    expect(await memory.nodes()).toEqual([n1]);
    await heart.stop();
  });

  it('outlasts it also when it was cut off itself meanwhile, for longer than a lease', async () => {
    await memory.join(testNode('n1', { incarnation: 'n1 run 0' }));
    const saved = memory.save();
    const heart = makeHeart();
    await heart.start();
    registry.condition = 'down';
    await pass(6_000);
    memory.restore(saved);
    registry.condition = 'up';
    await pass(8_000);
    expect([heart.state, superseded, lost]).toEqual(['beating', 0, []]);
    expect(await memory.nodes()).toEqual([n1]);
    await heart.stop();
  });
});

describe('the heart of a node that was silent', () => {
  it('does not take its successor for a second process of its name', async () => {
    const heart = makeHeart();
    await heart.start();
    registry.condition = 'down';
    await pass(6_000);
    const successor = testNode('n1', { incarnation: 'n1 run 2' });
    await memory.join(successor);
    registry.condition = 'up';
    for (let beat = 0; beat < 8; beat++) {
      await pass(1_000);
      await memory.heartbeat(testBeat(successor));
    }
    expect(heart.state).toBe('stopped');
    expect(logged.at(-1)).toBe(
      'this node was replaced while it was silent; it does nothing any more: stop it',
    );
  });
});

describe('the heart of a node and its registry that disagree', () => {
  it('restores everything by the next beat when the registry has lost its memory', async () => {
    const heart = makeHeart();
    await heart.start();
    const record = claimedRecord(await memory.claim(testClaim(n1, { credential: 'c' })));
    owned.set(stream, ownedStream(record, { codecs: ['hvc1'] }));
    memory.restore();
    await pass(1_000);
    expect(await memory.stream(stream)).toEqual({ ...record, codecs: ['hvc1'] });
    expect(lost).toEqual([]);
    await heart.stop();
  });

  it('releases a stream that it does not have, and not one whose claim may be under way', async () => {
    const heart = makeHeart();
    await heart.start();
    await memory.claim(testClaim(n1));
    await pass(2_000);
    expect(await memory.stream(stream)).toBeDefined();
    await memory.claim(testClaim(n1, { mayReplace: true }));
    await pass(2_000);
    expect(await memory.stream(stream)).toBeDefined();
    await pass(2_000);
    expect(await memory.stream(stream)).toBeUndefined();
    await heart.stop();
  });

  it('doubts itself before the lease can have run out, and no longer once a beat was answered', async () => {
    const heart = makeHeart();
    expect(heart.isDoubtful).toBe(true);
    await heart.start();
    await pass(10_000);
    expect(heart.isDoubtful).toBe(false);
    registry.condition = 'mute';
    await pass(3_000);
    expect(heart.isDoubtful).toBe(false);
    await pass(1_000);
    expect(heart.isDoubtful).toBe(true);
    registry.condition = 'up';
    await pass(4_000);
    expect(heart.isDoubtful).toBe(false);
    await heart.stop();
  });

  it('knows when it was first taken in, and when a registry that had known it had forgotten it', async () => {
    const heart = makeHeart();
    expect([heart.joinedAtMs, heart.rejoinedAtMs]).toEqual([Infinity, -Infinity]);
    await heart.start();
    const joinedAtMs = heart.joinedAtMs;
    await pass(3_000);
    expect([heart.joinedAtMs, heart.rejoinedAtMs]).toEqual([joinedAtMs, -Infinity]);
    memory.restore();
    await pass(3_000);
    expect(heart.rejoinedAtMs).toBeGreaterThan(joinedAtMs);
    expect(heart.joinedAtMs).toBe(heart.rejoinedAtMs);
    await heart.stop();
  });

  it('says so when the event loop let a beat begin late', async () => {
    const late = new LateClock();
    const heart = makeHeart({ clock: late });
    await heart.start();
    late.jumpMs = 700;
    late.advance(1_000);
    expect(heart.lateMs).toBe(700);
    expect(logged).toEqual(['heartbeat was late: the process stood still or is overloaded']);
    await heart.stop();
  });
});

/** A clock that can jump between a timer's due time and its run. */
class LateClock extends ManualClock {
  jumpMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.jumpMs;
  }
}

describe('the heart of a node whose registry is away', () => {
  it('starts all the same and joins when it comes', async () => {
    registry.condition = 'down';
    const heart = makeHeart();
    await heart.start();
    expect(heart.state).toBe('joining');
    await pass(10_000);
    registry.condition = 'up';
    await pass(2_000);
    expect(heart.state).toBe('beating');
    expect(await memory.nodes()).toHaveLength(1);
    expect(logged.at(-1)).toBe('registry is back');
    await heart.stop();
  });

  it('tries less often, says so at most once a second, and once that it is back', async () => {
    const heart = makeHeart();
    await heart.start();
    registry.condition = 'down';
    const before = beats();
    for (let index = 0; index < 20; index++) await heart.beat();
    expect(logged).toEqual(['registry is away']);
    await pass(20_000);
    expect(beats() - before - 20).toBe(10);
    expect(logged.length).toBeLessThanOrEqual(11);
    registry.condition = 'up';
    await pass(4_000);
    expect(logged.filter((message) => message === 'registry is back')).toHaveLength(1);
    expect(heart.state).toBe('beating');
    await heart.stop();
  });

  it('keeps its streams as long as nobody is known to have claimed them', async () => {
    const heart = makeHeart();
    await heart.start();
    owned.set(stream, ownedStream(claimedRecord(await memory.claim(testClaim(n1)))));
    registry.condition = 'down';
    await pass(30_000);
    registry.condition = 'up';
    await pass(3_000);
    expect(lost).toEqual([]);
    expect(await memory.stream(stream)).toMatchObject({ state: 'live', epoch: owned.get(stream)?.epoch });
    await heart.stop();
  });

  it('gives up a call that never settles, and does not start another beside it', async () => {
    const heart = makeHeart();
    await heart.start();
    registry.condition = 'mute';
    const before = beats();
    await pass(2_900);
    expect(beats() - before).toBe(1);
    await pass(200);
    expect(logged).toEqual(['registry is away']);
    registry.condition = 'up';
    await pass(3_000);
    expect(logged).toEqual(['registry is away', 'registry is back']);
    await heart.stop();
  });

  it('stops in bounded time', async () => {
    const heart = makeHeart();
    await heart.start();
    registry.condition = 'mute';
    let isStopped = false;
    void heart.stop().then(() => (isStopped = true));
    await pass(2_500);
    await pollUntil('the heart to stop', () => isStopped);
    expect(logged).toEqual(['node could not leave the registry']);
  });
});
