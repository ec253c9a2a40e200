import { streamKey } from '@headwater/contracts';
import { beforeEach, expect, it } from 'vitest';
import type { StreamRegistry } from '../../stream-registry.ts';
import {
  claimedRecord,
  ownedStream,
  renewed,
  testBeat,
  testClaim,
  testNode,
  type RegistryHarness,
} from '../registry-harness.ts';

const stream = streamKey('live', 'cam1');
const other = streamKey('live', 'cam2');
const n1 = testNode('n1');
const n2 = testNode('n2');
const unknown = { outcome: 'unknown_node' } as const;

/** What heartbeats make good after the store has lost its data or its last writes. */
export function rebuildingCases(harness: () => RegistryHarness): void {
  let registry: StreamRegistry;

  beforeEach(async () => {
    registry = harness().registry();
    await registry.join(n1);
    await registry.join(n2);
  });

  it('has nodes and streams back, as they were, after everybody has joined again and beaten once', async () => {
    const first = claimedRecord(
      await registry.claim(testClaim(n1, { credential: 'c', relayAddress: 'n1:1' })),
    );
    const second = claimedRecord(
      await registry.claim(testClaim(n2, { stream: other, relayAddress: 'n2:1' })),
    );
    await harness().loseEverything();
    expect(await registry.nodes()).toEqual([]);
    expect(await registry.streams()).toEqual([]);

    const kept = { ...first, codecs: ['avc1.64001f'] };
    expect(await registry.heartbeat(testBeat(n1, [kept]))).toEqual(unknown);
    await registry.join(n1);
    expect(await registry.heartbeat(testBeat(n1, [kept]))).toEqual(renewed);
    expect(await registry.heartbeat(testBeat(n2, [second]))).toEqual(unknown);
    await registry.join(n2);
    const held = ownedStream(second, { state: 'interrupted' });
    expect(await registry.heartbeat(testBeat(n2, [[other, held]]))).toEqual(renewed);

    expect(await registry.nodes()).toHaveLength(2);
    expect(await registry.stream(stream)).toEqual(kept);
    expect(await registry.stream(other)).toEqual({ ...second, state: 'interrupted' });
    expect(await registry.claim(testClaim(n2))).toMatchObject({ outcome: 'refused' });
    claimedRecord(await registry.claim(testClaim(n2, { credential: 'c' })));
  });

  it('lets epochs grow beyond all that was restored, however far that is from the wall clock', async () => {
    const ahead = 2 ** 45;
    const record = claimedRecord(await registry.claim(testClaim(n1, { seenEpoch: ahead, credential: 'c' })));
    await harness().loseEverything();
    await registry.join(n1);
    await registry.join(n2);
    await registry.heartbeat(testBeat(n1, [record]));
    expect(claimedRecord(await registry.claim(testClaim(n2, { credential: 'c' }))).epoch).toBe(ahead + 2);
  });

  it('settles by the higher epoch, whoever beats first', async () => {
    for (const order of [
      [n1, n2],
      [n2, n1],
    ]) {
      await harness().loseEverything();
      for (const node of [n1, n2]) await registry.join(node);
      const epochs = new Map([
        [n1, 100],
        [n2, 200],
      ]);
      const lost = new Map<string, readonly string[]>();
      for (const node of [...order, ...order]) {
        const result = await registry.heartbeat(testBeat(node, [[stream, epochs.get(node) ?? 0]]));
        lost.set(node.nodeId, result.outcome === 'renewed' ? result.lost : [result.outcome]);
      }
      expect(await registry.stream(stream)).toMatchObject({
        owner: { nodeId: 'n2' },
        epoch: 200,
        state: 'live',
      });
      expect(Object.fromEntries(lost)).toEqual({ n1: [stream], n2: [] });
    }
  });

  it('settles by the larger node id at equal epochs, whoever beats first', async () => {
    for (const order of [
      [n1, n2],
      [n2, n1],
    ]) {
      await harness().loseEverything();
      for (const node of [n1, n2]) await registry.join(node);
      const lost = new Map<string, readonly string[]>();
      for (const node of [...order, ...order]) {
        const result = await registry.heartbeat(testBeat(node, [[stream, 100]]));
        lost.set(node.nodeId, result.outcome === 'renewed' ? result.lost : [result.outcome]);
      }
      expect(await registry.stream(stream)).toMatchObject({ owner: { nodeId: 'n2' }, epoch: 100 });
      expect(Object.fromEntries(lost)).toEqual({ n1: [stream], n2: [] });
    }
  });

  it('has a takeover back that a failover lost: the old owner loses the stream, the new one keeps its epoch', async () => {
    const before = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    const rollBack = await harness().checkpoint();
    const after = claimedRecord(await registry.claim(testClaim(n2, { credential: 'c' })));
    await rollBack();
    expect(await registry.stream(stream)).toEqual(before);
    expect(await registry.heartbeat(testBeat(n1, [before]))).toEqual(renewed);
    expect(await registry.heartbeat(testBeat(n2, [after]))).toEqual(renewed);
    expect(await registry.stream(stream)).toEqual(after);
    expect(await registry.heartbeat(testBeat(n1, [before]))).toEqual({ ...renewed, lost: [stream] });
  });

  it('has a later claim of the same owner back, and a claim of a stream that it forgot altogether', async () => {
    const first = claimedRecord(await registry.claim(testClaim(n1)));
    const rollBack = await harness().checkpoint();
    const again = claimedRecord(await registry.claim(testClaim(n1, { mayReplace: true })));
    const fresh = claimedRecord(await registry.claim(testClaim(n1, { stream: other })));
    await rollBack();
    expect(await registry.stream(stream)).toEqual(first);
    expect(await registry.heartbeat(testBeat(n1, [again, fresh]))).toEqual(renewed);
    expect(await registry.stream(stream)).toEqual(again);
    expect(await registry.stream(other)).toEqual(fresh);
  });

  it('names as surplus a stream whose end it forgot, and does not revive one whose end it knows', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    const rollBack = await harness().checkpoint();
    await registry.release(stream, n1, record.epoch);
    expect(await registry.heartbeat(testBeat(n1, [record]))).toEqual({ ...renewed, lost: [stream] });
    expect(await registry.stream(stream)).toBeUndefined();
    await rollBack();
    const result = await registry.heartbeat(testBeat(n1));
    expect(result).toEqual({ ...renewed, surplus: new Map([[stream, record.epoch]]) });
    expect(await registry.release(stream, n1, record.epoch)).toBe(true);
    expect(await registry.heartbeat(testBeat(n1))).toEqual(renewed);
  });

  it('names as surplus an epoch that its owner does not know of: a claim whose answer was lost', async () => {
    const served = claimedRecord(await registry.claim(testClaim(n1)));
    const unheard = claimedRecord(await registry.claim(testClaim(n1, { mayReplace: true })));
    const surplus = new Map([[stream, unheard.epoch]]);
    expect(await registry.heartbeat(testBeat(n1, [served]))).toEqual({ ...renewed, surplus });
    expect(await registry.release(stream, n1, unheard.epoch)).toBe(true);
    expect(await registry.heartbeat(testBeat(n1, [served]))).toEqual({ ...renewed, lost: [stream] });
  });

  it('takes state and codecs from a beat where an update never arrived', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    const said = ownedStream(record, { state: 'interrupted', codecs: ['mp4a.40.2', 'hvc1'] });
    expect(await registry.heartbeat(testBeat(n1, [[stream, said]]))).toEqual(renewed);
    expect(await registry.stream(stream)).toEqual({ ...record, state: 'interrupted', codecs: said.codecs });
  });

  it('does not let an earlier run of a node restore anything', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    await harness().loseEverything();
    await registry.join(testNode('n1', { incarnation: 'n1 run 2' }));
    expect(await registry.heartbeat(testBeat(n1, [record]))).toEqual({ outcome: 'superseded' });
    expect(await registry.streams()).toEqual([]);
  });

  it('restores thousands of streams by one beat', async () => {
    const owned = Array.from(
      { length: 3_000 },
      (_, index) => [streamKey('many', `s${index}`), index + 1] as const,
    );
    expect(await registry.heartbeat(testBeat(n1, owned))).toEqual(renewed);
    expect(await registry.streams()).toHaveLength(3_000);
    expect(await registry.heartbeat(testBeat(n1, owned))).toEqual(renewed);
    const result = await registry.heartbeat(testBeat(n1));
    expect(result.outcome === 'renewed' && result.surplus.size).toBe(3_000);
  });
}
