// What every `FailoverRegistry` must do: the twins, in memory and in Redis, pass one and the same suite.
import { streamKey } from '@headwater/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FailoverRegistry } from '../failover-registry.ts';
import type { Standby } from '../stream-record.ts';
import type { StreamRegistry } from '../stream-registry.ts';
import { backupCases } from './conformance/backups.ts';
import {
  claimedRecord,
  EventLog,
  ownedStream,
  refOf,
  testBeat,
  testClaim,
  testNode,
  type FailoverHarness,
} from './registry-harness.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');
const standby: Standby = { ...refOf(n2), relayAddress: '10.0.0.2:50051' };

/** Declares the suite for one implementation; each test gets an empty registry. */
export function failoverConformance(name: string, makeHarness: () => Promise<FailoverHarness>): void {
  describe(`${name} as the registry of controllers`, () => {
    let harness: FailoverHarness;
    let registry: StreamRegistry & FailoverRegistry;

    beforeEach(async () => {
      harness = await makeHarness();
      registry = harness.registry();
      await registry.join(n1);
      await registry.join(n2);
    });

    afterEach(async () => {
      await harness.close();
    });

    describe('sightings', () => {
      sightingCases(() => harness);
    });
    describe('an expulsion', () => {
      expelCases(() => harness);
    });
    describe('a standby', () => {
      standbyCases(() => harness);
    });
    describe('a declared backup', () => {
      backupCases(() => harness);
    });
    describe('the end of an orphan', () => {
      orphanCases(() => harness);
    });

    it('refuses the writes of a leadership once a later one was there, whatever that did', async () => {
      const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
      expect(await registry.fence(7)).toBe(true);
      expect(await registry.fence(7)).toBe(true);
      expect(await harness.registry().fence(6)).toBe(false);
      expect(await registry.expel({ token: 6, node: n1, silentMs: 0 })).toBe('fenced');
      expect(await registry.setStandby({ token: 6, stream, epoch, standby })).toBe('fenced');
      expect(await registry.setStandby({ token: 8, stream, epoch, standby })).toBe('applied');
      expect(await registry.setStandby({ token: 7, stream, epoch, standby: undefined })).toBe('fenced');
      await registry.leave(n1);
      expect(await harness.registry().endOrphan({ token: 7, stream, epoch })).toBe('fenced');
      expect(await registry.stream(stream)).toMatchObject({ state: 'orphaned', standby });
    });

    it('rejects everything once it is closed', async () => {
      await registry.close();
      const unavailable = { code: 'registry_unavailable' };
      await expect(registry.fence(1)).rejects.toMatchObject(unavailable);
      await expect(registry.sightings()).rejects.toMatchObject(unavailable);
      await expect(registry.expel({ token: 1, node: n1, silentMs: 0 })).rejects.toMatchObject(unavailable);
      await expect(registry.setStandby({ token: 1, stream, epoch: 1, standby })).rejects.toMatchObject(
        unavailable,
      );
      await expect(registry.endOrphan({ token: 1, stream, epoch: 1 })).rejects.toMatchObject(unavailable);
    });
  });
}

function sightingCases(harness: () => FailoverHarness): void {
  it('say how long each node has been silent, by the clock of the registry', async () => {
    const { leaseMs } = harness();
    const registry = harness().registry();
    await harness().advance(leaseMs / 2);
    await registry.heartbeat(testBeat(n2));
    const sightings = await harness().registry().sightings();
    expect(sightings.map(({ node }) => node).sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))).toEqual([
      n1,
      n2,
    ]);
    const silentMs = new Map(sightings.map((sighting) => [sighting.node.nodeId, sighting.silentMs]));
    expect(silentMs.get('n1')).toBeGreaterThanOrEqual(leaseMs * 0.45);
    expect(silentMs.get('n1')).toBeLessThan(leaseMs * 0.9);
    expect(silentMs.get('n2')).toBeGreaterThanOrEqual(0);
    expect(silentMs.get('n2')).toBeLessThan(leaseMs * 0.3);
  });

  it('leave out a node whose lease ran out, and one that left', async () => {
    const registry = harness().registry();
    await registry.leave(n2);
    expect((await registry.sightings()).map(({ node }) => node.nodeId)).toEqual(['n1']);
    await harness().advance(harness().leaseMs * 1.2);
    expect(await registry.sightings()).toEqual([]);
  });
}

function expelCases(harness: () => FailoverHarness): void {
  it('ends the lease and orphans the streams at once, as leaving does', async () => {
    const registry = harness().registry();
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const log = await EventLog.open(registry);
    expect(await registry.expel({ token: 1, node: refOf(n1), silentMs: 0 })).toBe('applied');
    await log.until(`stream_updated ${stream} orphaned n1 ${epoch}`);
    expect(log.heard).toEqual(['node_left n1 run 1', `stream_updated ${stream} orphaned n1 ${epoch}`]);
    expect(await registry.stream(stream)).toMatchObject({ state: 'orphaned', epoch });
    const next = claimedRecord(await registry.claim(testClaim(n2)));
    expect(next.epoch).toBeGreaterThan(epoch);
  });

  it('does nothing to a node that has beaten since', async () => {
    const { leaseMs } = harness();
    const registry = harness().registry();
    await harness().advance(leaseMs / 2);
    await registry.heartbeat(testBeat(n1));
    expect(await registry.expel({ token: 1, node: refOf(n1), silentMs: leaseMs * 0.4 })).toBe('conflict');
    expect((await registry.nodes()).map(({ nodeId }) => nodeId)).toContain('n1');
    await harness().advance(leaseMs / 2);
    expect(await registry.expel({ token: 1, node: refOf(n1), silentMs: leaseMs * 0.4 })).toBe('applied');
  });

  it('changes nothing when the node is gone, or when another run of it has joined', async () => {
    const registry = harness().registry();
    expect(await registry.expel({ token: 1, node: refOf(n1), silentMs: 0 })).toBe('applied');
    expect(await registry.expel({ token: 1, node: refOf(n1), silentMs: 0 })).toBe('unchanged');
    const successor = testNode('n2', { incarnation: 'n2 run 2' });
    await registry.join(successor);
    expect(await registry.expel({ token: 1, node: refOf(n2), silentMs: 0 })).toBe('unchanged');
    expect(await registry.nodes()).toEqual([successor]);
  });

  it('is undone when the node beats again: it gets back what nobody has claimed', async () => {
    const registry = harness().registry();
    const taken = streamKey('live', 'taken');
    const kept = claimedRecord(await registry.claim(testClaim(n1)));
    const lost = claimedRecord(await registry.claim(testClaim(n1, { stream: taken })));
    await registry.expel({ token: 1, node: refOf(n1), silentMs: 0 });
    await registry.claim(testClaim(n2, { stream: taken }));
    const beat = testBeat(n1, [kept, lost]);
    expect(await registry.heartbeat(beat)).toEqual({ outcome: 'unknown_node' });
    await registry.join(n1);
    expect(await registry.heartbeat(beat)).toMatchObject({ outcome: 'renewed', lost: [taken] });
    expect(await registry.stream(stream)).toEqual(kept);
  });
}

function standbyCases(harness: () => FailoverHarness): void {
  it('is shown with the stream, can be replaced and dismissed, and is heard of', async () => {
    const registry = harness().registry();
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    const { epoch } = record;
    const log = await EventLog.open(registry);
    expect(await registry.setStandby({ token: 1, stream, epoch, standby })).toBe('applied');
    expect(await registry.setStandby({ token: 1, stream, epoch, standby })).toBe('unchanged');
    expect(await harness().registry().stream(stream)).toEqual({ ...record, standby });
    const other: Standby = { ...standby, relayAddress: 'elsewhere:1' };
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: other })).toBe('applied');
    expect((await harness().registry().streams()).map((shown) => shown.standby)).toEqual([other]);
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: undefined })).toBe('applied');
    expect(await registry.setStandby({ token: 1, stream, epoch, standby: undefined })).toBe('unchanged');
    expect(await registry.stream(stream)).toEqual(record);
    await registry.release(stream, refOf(n1), epoch);
    await log.until(`stream_ended ${stream} ended n1 ${epoch}`);
    expect(log.heard.filter((text) => text.startsWith('stream_updated'))).toHaveLength(3);
  });

  it('stays through updates and beats of the owner, and ends with the epoch', async () => {
    const registry = harness().registry();
    const record = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    const { epoch } = record;
    await registry.setStandby({ token: 1, stream, epoch, standby });
    await registry.update({ stream, owner: refOf(n1), epoch, codecs: ['x'] });
    await registry.heartbeat(testBeat(n1, [[stream, { ...ownedStream(record), state: 'interrupted' }]]));
    expect(await registry.stream(stream)).toMatchObject({ state: 'interrupted', standby });
    const next = claimedRecord(await registry.claim(testClaim(n2, { credential: 'c' })));
    expect(next.standby).toBeUndefined();
    expect(await registry.stream(stream)).toEqual(next);
  });

  it('is not set for another epoch, nor for a stream that has ended', async () => {
    const registry = harness().registry();
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    expect(await registry.setStandby({ token: 1, stream, epoch: epoch - 1, standby })).toBe('conflict');
    expect(await registry.setStandby({ token: 1, stream, epoch: epoch + 1, standby })).toBe('conflict');
    await registry.release(stream, refOf(n1), epoch);
    expect(await registry.setStandby({ token: 1, stream, epoch, standby })).toBe('conflict');
  });
}

function orphanCases(harness: () => FailoverHarness): void {
  it('ends the stream once, is heard of, and keeps the epoch in memory', async () => {
    const registry = harness().registry();
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    await registry.leave(n1);
    const log = await EventLog.open(registry);
    expect(await registry.endOrphan({ token: 1, stream, epoch })).toBe('applied');
    expect(await registry.endOrphan({ token: 1, stream, epoch })).toBe('unchanged');
    await log.until(`stream_ended ${stream} ended n1 ${epoch}`);
    expect(await registry.stream(stream)).toBeUndefined();
    const next = claimedRecord(await registry.claim(testClaim(n2)));
    expect(next.epoch).toBeGreaterThan(epoch);
  });

  it('leaves alone a stream whose owner lives or came back, and one that was claimed anew', async () => {
    const registry = harness().registry();
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    expect(await registry.endOrphan({ token: 1, stream, epoch })).toBe('conflict');
    await registry.leave(n1);
    expect(await registry.endOrphan({ token: 1, stream, epoch: epoch - 1 })).toBe('conflict');
    await registry.join(n1);
    expect(await registry.endOrphan({ token: 1, stream, epoch })).toBe('conflict');
    await registry.leave(n1);
    const next = claimedRecord(await registry.claim(testClaim(n2)));
    expect(await registry.endOrphan({ token: 1, stream, epoch })).toBe('conflict');
    expect(await registry.stream(stream)).toEqual(next);
  });
}
