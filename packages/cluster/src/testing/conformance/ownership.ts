import { streamKey } from '@headwater/contracts';
import { beforeEach, expect, it } from 'vitest';
import type { StreamRegistry } from '../../stream-registry.ts';
import {
  claimedRecord,
  testBeat,
  testClaim,
  testNode,
  type RegistryHarness,
  renewed,
} from '../registry-harness.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');

/** Ownership over time: updates, orphans, what heartbeats give back and take away, and many claims at once. */
export function ownershipCases(harness: () => RegistryHarness): void {
  let registry: StreamRegistry;

  beforeEach(async () => {
    registry = harness().registry();
    await registry.join(n1);
    await registry.join(n2);
  });

  it('lets the owner change state and codecs, each by itself', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    const { owner, epoch } = record;
    expect(await registry.update({ stream, owner, epoch, codecs: ['avc1.64001f', 'mp4a.40.2'] })).toBe(true);
    expect(await registry.update({ stream, owner, epoch, state: 'interrupted' })).toBe(true);
    const changed = { ...record, state: 'interrupted', codecs: ['avc1.64001f', 'mp4a.40.2'] };
    expect(await registry.stream(stream)).toEqual(changed);
    expect(await registry.update({ stream, owner, epoch, codecs: [] })).toBe(true);
    expect(await registry.stream(stream)).toEqual({ ...changed, codecs: [] });
  });

  it('shows the streams of a node that left, or whose lease ran out, as orphaned', async () => {
    const kept = streamKey('live', 'kept');
    await registry.claim(testClaim(n1));
    await registry.claim(testClaim(n2, { stream: kept }));
    await registry.leave(n1);
    expect(await registry.stream(stream)).toMatchObject({ state: 'orphaned' });
    expect(await registry.stream(kept)).toMatchObject({ state: 'live' });
    await harness().advance(harness().leaseMs * 1.2);
    expect((await registry.streams()).map((record) => record.state)).toEqual(['orphaned', 'orphaned']);
  });

  it('gives a node that comes back what nobody has claimed meanwhile, in the state it left it', async () => {
    const taken = streamKey('live', 'taken');
    const kept = claimedRecord(await registry.claim(testClaim(n1)));
    const lost = claimedRecord(await registry.claim(testClaim(n1, { stream: taken })));
    await registry.update({ stream, owner: n1, epoch: kept.epoch, state: 'interrupted' });
    await harness().advance(harness().leaseMs * 1.2);
    await registry.join(n2);
    claimedRecord(await registry.claim(testClaim(n2, { stream: taken })));
    await registry.join(n1);
    expect(await registry.stream(stream)).toEqual({ ...kept, state: 'interrupted' });
    const owned = [
      [stream, kept.epoch],
      [taken, lost.epoch],
    ] as const;
    expect(await registry.heartbeat(testBeat(n1, owned))).toEqual({ ...renewed, lost: [taken] });
  });

  it('lets an orphan be updated and released by the owner that it still has', async () => {
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    await registry.leave(n1);
    expect(await registry.update({ stream, owner: n1, epoch, codecs: ['x'] })).toBe(true);
    expect(await registry.stream(stream)).toMatchObject({ state: 'orphaned', codecs: ['x'] });
    expect(await registry.release(stream, n1, epoch)).toBe(true);
    expect(await registry.stream(stream)).toBeUndefined();
  });

  it('names in the heartbeat exactly the streams that others have claimed, or that have ended', async () => {
    const keys = ['a', 'b', 'c', 'd'].map((name) => streamKey('live', name));
    const owned = new Map<(typeof keys)[number], number>();
    for (const key of keys) {
      const request = testClaim(n1, { stream: key, credential: 'c' });
      owned.set(key, claimedRecord(await registry.claim(request)).epoch);
    }
    const [a = stream, b = stream, c = stream] = keys;
    await registry.claim(testClaim(n2, { stream: a, credential: 'c' }));
    const { epoch } = claimedRecord(await registry.claim(testClaim(n2, { stream: b, credential: 'c' })));
    await registry.release(b, n2, epoch);
    // Claimed anew by the node itself after the beat was written: not lost.
    await registry.claim(testClaim(n1, { stream: c, credential: 'c' }));
    const ended = streamKey('live', 'ended');
    const endedEpoch = claimedRecord(await registry.claim(testClaim(n1, { stream: ended }))).epoch;
    // Also by the node itself: it has nothing to drop then. Who ended it is not remembered.
    await registry.release(ended, n1, endedEpoch);
    owned.set(ended, endedEpoch);
    const result = await registry.heartbeat(testBeat(n1, owned));
    expect(result.outcome === 'renewed' ? [...result.lost].sort() : result).toEqual([a, b, ended]);
  });

  it('gives a stream to exactly one of many who claim it at once', async () => {
    const nodes = Array.from({ length: 20 }, (_, index) => testNode(`many${index}`));
    await Promise.all(nodes.map(async (node) => registry.join(node)));
    const results = await Promise.all(nodes.map(async (node) => harness().registry().claim(testClaim(node))));
    const winners = results.filter((result) => result.outcome === 'claimed');
    expect(winners).toHaveLength(1);
    const winner = winners[0]?.record;
    for (const result of results) {
      if (result.outcome === 'refused') expect(result.current).toEqual(winner);
    }
    expect(await registry.stream(stream)).toEqual(winner);
  });

  it('gives each of many takeovers at once its own epoch, and the stream to the highest', async () => {
    const nodes = Array.from({ length: 20 }, (_, index) => testNode(`many${index}`));
    await Promise.all(nodes.map(async (node) => registry.join(node)));
    const results = await Promise.all(
      nodes.map(async (node) =>
        harness()
          .registry()
          .claim(testClaim(node, { credential: 'c' })),
      ),
    );
    const records = results.map(claimedRecord).sort((a, b) => a.epoch - b.epoch);
    expect(new Set(records.map((record) => record.epoch)).size).toBe(20);
    expect(await registry.stream(stream)).toEqual(records.at(-1));
    const released = await Promise.all(
      records.map(async ({ owner, epoch }) => registry.release(stream, owner, epoch)),
    );
    expect(released.filter(Boolean)).toHaveLength(1);
    expect(released.at(-1)).toBe(true);
  });

  it('ends an epoch once when many release it at once', async () => {
    const { owner, epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const released = await Promise.all(
      Array.from({ length: 10 }, async () => harness().registry().release(stream, owner, epoch)),
    );
    expect(released.filter(Boolean)).toHaveLength(1);
  });
}
