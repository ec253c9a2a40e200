import { streamKey } from '@headwater/contracts';
import { beforeEach, expect, it } from 'vitest';
import type { RegistryEvent, StreamRegistry } from '../../stream-registry.ts';
import {
  claimedRecord,
  EventLog,
  testBeat,
  testClaim,
  testNode,
  type RegistryHarness,
} from '../registry-harness.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');

/** Watching and closing. */
export function watchCases(harness: () => RegistryHarness): void {
  let registry: StreamRegistry;

  beforeEach(() => {
    registry = harness().registry();
  });

  it('hears the life of a stream in order, whichever client changes it', async () => {
    const log = await EventLog.open(registry);
    const other = harness().registry();
    await other.join(n1);
    const { epoch } = claimedRecord(await other.claim(testClaim(n1)));
    await other.update({ stream, owner: n1, epoch, codecs: ['x'] });
    await other.update({ stream, owner: n1, epoch, state: 'interrupted' });
    await other.release(stream, n1, epoch);
    await log.until(`stream_ended ${stream} ended n1 ${epoch}`);
    expect(log.heard).toEqual([
      'node_joined n1 run 1',
      `stream_claimed ${stream} live n1 ${epoch}`,
      `stream_updated ${stream} live n1 ${epoch}`,
      `stream_updated ${stream} interrupted n1 ${epoch}`,
      `stream_ended ${stream} ended n1 ${epoch}`,
    ]);
  });

  it('hears a takeover as a claim with the new owner', async () => {
    await registry.join(n1);
    await registry.join(n2);
    await registry.claim(testClaim(n1, { credential: 'c' }));
    const log = await EventLog.open(registry);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n2, { credential: 'c' })));
    await log.until(`stream_claimed ${stream} live n2 ${epoch}`);
    expect(log.heard).toHaveLength(1);
  });

  it('hears nothing of what was refused', async () => {
    await registry.join(n1);
    await registry.join(n2);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const log = await EventLog.open(registry);
    await registry.claim(testClaim(n2));
    await registry.update({ stream, owner: n2, epoch, state: 'interrupted' });
    await registry.release(stream, n2, epoch);
    await registry.leave({ ...n1, incarnation: 'n1 run 0' });
    await registry.release(stream, n1, epoch);
    await log.until(`stream_ended ${stream} ended n1 ${epoch}`);
    expect(log.heard).toHaveLength(1);
  });

  it('hears that a node left and that its streams are orphaned, in this order', async () => {
    await registry.join(n1);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const log = await EventLog.open(registry);
    await registry.leave(n1);
    await log.until(`stream_updated ${stream} orphaned n1 ${epoch}`);
    expect(log.heard).toEqual(['node_left n1 run 1', `stream_updated ${stream} orphaned n1 ${epoch}`]);
  });

  it('hears of a new incarnation after the end of the one before', async () => {
    await registry.join(n1);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const log = await EventLog.open(registry);
    await registry.join({ ...n1, incarnation: 'n1 run 2' });
    await log.until('node_joined n1 run 2');
    expect(log.heard).toEqual([
      'node_left n1 run 1',
      `stream_updated ${stream} orphaned n1 ${epoch}`,
      'node_joined n1 run 2',
    ]);
  });

  it('hears of draining and of a new announcement, and not of each beat', async () => {
    await registry.join(n1);
    const log = await EventLog.open(registry);
    await registry.heartbeat(testBeat({ ...n1, load: { ...n1.load, viewers: 9 } }));
    await registry.heartbeat(testBeat({ ...n1, isDraining: true }));
    await registry.heartbeat(testBeat({ ...n1, isDraining: true }));
    await registry.join({ ...n1, zone: 'b' });
    await registry.leave(n1);
    await log.until('node_left n1 run 1');
    expect(log.heard).toEqual(['node_updated n1 run 1', 'node_updated n1 run 1', 'node_left n1 run 1']);
  });

  it('hears of a lease that ran out when somebody claims the stream, at the latest', async () => {
    await registry.join(n1);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const log = await EventLog.open(registry);
    await harness().advance(harness().leaseMs * 1.2);
    await registry.join(n2);
    const next = claimedRecord(await registry.claim(testClaim(n2)));
    await log.until(`stream_claimed ${stream} live n2 ${next.epoch}`);
    expect(next.epoch).toBeGreaterThan(epoch);
    const ofTheStream = log.heard.filter((text) => text.startsWith('stream_'));
    expect(ofTheStream.at(-1)).toBe(`stream_claimed ${stream} live n2 ${next.epoch}`);
  });

  it('hears nothing after it was closed, and closing one watch leaves the others', async () => {
    const heard: RegistryEvent[] = [];
    const watch = registry.watch((event) => heard.push(event));
    watch.close();
    watch.close();
    const log = await EventLog.open(registry);
    await registry.join(n1);
    await log.until('node_joined n1 run 1');
    expect(heard).toEqual([]);
  });

  it('hears the full record, as it can be read', async () => {
    await registry.join(n1);
    await EventLog.open(registry);
    const heard: RegistryEvent[] = [];
    registry.watch((event) => heard.push(event));
    const log = await EventLog.open(registry);
    const record = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    await log.until(`stream_claimed ${stream} live n1 ${record.epoch}`);
    expect(heard).toContainEqual({ type: 'stream_claimed', record });
    expect(await registry.stream(stream)).toEqual(record);
  });

  it('rejects everything once it is closed, and closing twice does nothing', async () => {
    await registry.join(n1);
    await registry.close();
    await registry.close();
    const unavailable = { code: 'registry_unavailable' };
    await expect(registry.join(n1)).rejects.toMatchObject(unavailable);
    await expect(registry.heartbeat(testBeat(n1))).rejects.toMatchObject(unavailable);
    await expect(registry.leave(n1)).rejects.toMatchObject(unavailable);
    await expect(registry.nodes()).rejects.toMatchObject(unavailable);
    await expect(registry.claim(testClaim(n1))).rejects.toMatchObject(unavailable);
    await expect(registry.update({ stream, owner: n1, epoch: 1 })).rejects.toMatchObject(unavailable);
    await expect(registry.release(stream, n1, 1)).rejects.toMatchObject(unavailable);
    await expect(registry.stream(stream)).rejects.toMatchObject(unavailable);
    await expect(registry.streams()).rejects.toMatchObject(unavailable);
  });
}
