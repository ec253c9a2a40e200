import { streamKey } from '@headwater/contracts';
import { beforeEach, expect, it } from 'vitest';
import type { StreamRegistry } from '../../stream-registry.ts';
import {
  claimedRecord,
  refOf,
  testBeat,
  testClaim,
  testNode,
  type RegistryHarness,
} from '../registry-harness.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');

/** Claims: who gets a stream, and who does not. */
export function claimCases(harness: () => RegistryHarness): void {
  let registry: StreamRegistry;
  let other: StreamRegistry;

  beforeEach(async () => {
    registry = harness().registry();
    other = harness().registry();
    await registry.join(n1);
    await registry.join(n2);
  });

  it('gives a free stream to the first who asks, and shows it to every client', async () => {
    const record = claimedRecord(
      await registry.claim(testClaim(n1, { credential: 'c', relayAddress: '[::1]:5' })),
    );
    expect(record).toMatchObject({
      stream,
      owner: refOf(n1),
      relayAddress: '[::1]:5',
      state: 'live',
      credential: 'c',
    });
    expect(record.codecs).toEqual([]);
    expect(await other.stream(stream)).toEqual(record);
    expect(await other.streams()).toEqual([record]);
  });

  it('refuses a live stream to everybody else, and names the owner', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    expect(await other.claim(testClaim(n2))).toEqual({ outcome: 'refused', current: record });
    expect(await registry.claim(testClaim(n1))).toEqual({ outcome: 'refused', current: record });
    expect(await registry.stream(stream)).toEqual(record);
  });

  it('gives a stream over to the same credential, on another node and on the same', async () => {
    const first = claimedRecord(await registry.claim(testClaim(n1, { credential: 'same' })));
    const second = claimedRecord(
      await other.claim(testClaim(n2, { credential: 'same', relayAddress: 'n2:1' })),
    );
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(second).toMatchObject({ owner: refOf(n2), relayAddress: 'n2:1' });
    const third = claimedRecord(await other.claim(testClaim(n2, { credential: 'same' })));
    expect(third.epoch).toBeGreaterThan(second.epoch);
  });

  it('refuses another credential, none, and one where the stream has none', async () => {
    await registry.claim(testClaim(n1, { credential: 'right' }));
    expect(await other.claim(testClaim(n2, { credential: 'wrong' }))).toMatchObject({ outcome: 'refused' });
    expect(await other.claim(testClaim(n2))).toMatchObject({ outcome: 'refused' });
    const open = streamKey('live', 'open');
    await registry.claim(testClaim(n1, { stream: open }));
    expect(await other.claim(testClaim(n2, { stream: open, credential: 'x' }))).toMatchObject({
      outcome: 'refused',
    });
    expect(await other.claim(testClaim(n2, { stream: open, credential: '' }))).toMatchObject({
      outcome: 'refused',
    });
  });

  it('lets only the owner replace its own publisher', async () => {
    const first = claimedRecord(await registry.claim(testClaim(n1, { credential: 'a' })));
    expect(await other.claim(testClaim(n2, { mayReplace: true }))).toMatchObject({ outcome: 'refused' });
    const second = claimedRecord(await registry.claim(testClaim(n1, { mayReplace: true })));
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(second.credential).toBeUndefined();
  });

  it('gives an interrupted stream without a credential to anybody, and one with it to its bearer', async () => {
    const open = claimedRecord(await registry.claim(testClaim(n1)));
    await registry.update({ stream, owner: open.owner, epoch: open.epoch, state: 'interrupted' });
    const next = claimedRecord(await other.claim(testClaim(n2, { credential: 'mine' })));
    expect(next).toMatchObject({ owner: refOf(n2), state: 'live' });
    await other.update({ stream, owner: next.owner, epoch: next.epoch, state: 'interrupted' });
    expect(await registry.claim(testClaim(n1))).toMatchObject({ outcome: 'refused' });
    claimedRecord(await registry.claim(testClaim(n1, { credential: 'mine' })));
  });

  it('gives a stream to anybody once its owner has ended it, left, or let its lease run out', async () => {
    const first = claimedRecord(await registry.claim(testClaim(n1, { credential: 'a' })));
    await registry.release(stream, first.owner, first.epoch);
    const second = claimedRecord(await other.claim(testClaim(n2, { credential: 'b' })));
    await other.leave(n2);
    const third = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    await harness().advance(harness().leaseMs * 0.7);
    await other.join(n2);
    expect(await other.claim(testClaim(n2))).toMatchObject({ outcome: 'refused' });
    await harness().advance(harness().leaseMs * 0.6);
    const fourth = claimedRecord(await other.claim(testClaim(n2)));
    expect([
      second.epoch > first.epoch,
      third.epoch > second.epoch,
      fourth.epoch > third.epoch,
    ]).not.toContain(false);
  });

  it('refuses while beats renew the lease of the owner', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    for (let beat = 0; beat < 3; beat++) {
      await harness().advance(harness().leaseMs * 0.6);
      await registry.heartbeat(testBeat(n1, [[stream, record.epoch]]));
      await other.join(n2);
      expect(await other.claim(testClaim(n2))).toMatchObject({ outcome: 'refused' });
    }
  });

  it('gives the streams of an earlier incarnation to anybody, the new one too', async () => {
    await registry.claim(testClaim(n1));
    const again = testNode('n1', { incarnation: 'n1 run 2' });
    await registry.join(again);
    expect(await registry.stream(stream)).toMatchObject({ state: 'orphaned', owner: refOf(n1) });
    claimedRecord(await registry.claim(testClaim(again)));
  });

  it('rejects a node that has not joined, has left, or runs under an earlier incarnation', async () => {
    const unavailable = { code: 'registry_unavailable' };
    await expect(registry.claim(testClaim(testNode('stranger')))).rejects.toMatchObject(unavailable);
    await registry.leave(n2);
    await expect(registry.claim(testClaim(n2))).rejects.toMatchObject(unavailable);
    await registry.join(testNode('n1', { incarnation: 'n1 run 2' }));
    await expect(registry.claim(testClaim(n1))).rejects.toMatchObject(unavailable);
    expect(await registry.streams()).toEqual([]);
  });

  it('keeps streams apart whose names are alike', async () => {
    const keys = [
      streamKey('live', 'a'),
      streamKey('live', 'a2'),
      streamKey('live2', 'a'),
      streamKey('live', 'A'),
      streamKey('live', '__proto__'),
      streamKey('constructor', 'toString'),
      streamKey('-.-', '_...'),
      streamKey('x'.repeat(128), 'y'.repeat(128)),
    ];
    const records = [];
    for (const key of keys) records.push(claimedRecord(await registry.claim(testClaim(n1, { stream: key }))));
    const shown = await other.streams();
    expect([...shown].sort((a, b) => keys.indexOf(a.stream) - keys.indexOf(b.stream))).toEqual(records);
    for (const [index, key] of keys.entries()) expect(await other.stream(key)).toEqual(records[index]);
    const [first] = records;
    if (first !== undefined) await registry.release(first.stream, first.owner, first.epoch);
    expect((await other.streams()).map((record) => record.stream)).not.toContain(keys[0]);
    expect(await other.streams()).toHaveLength(keys.length - 1);
  });

  it('keeps nodes apart and whole whose names hold any characters', async () => {
    const names = ['n', 'n:1', 'n:1:2', '{n}', '*', 'n?[x]', '__proto__', 'a b', `q"'\\`, 'ü/é', 'n\n1'];
    for (const [index, name] of names.entries()) {
      const node = testNode(name, { zone: `${name} zone`, addresses: { relay: name } });
      await registry.join(node);
      const key = streamKey('names', `s${index}`);
      const request = testClaim(node, { stream: key, credential: name, relayAddress: name });
      const record = claimedRecord(await registry.claim(request));
      expect(
        await registry.update({ stream: key, owner: record.owner, epoch: record.epoch, codecs: [name, ''] }),
      ).toBe(true);
      expect(await other.stream(key)).toEqual({ ...record, codecs: [name, ''] });
      expect((await other.nodes()).filter(({ nodeId }) => nodeId === name)).toEqual([node]);
    }
    await registry.leave(testNode('n'));
    const orphans = (await other.streams()).filter((record) => record.state === 'orphaned');
    expect(orphans.map((record) => record.owner.nodeId)).toEqual(['n']);
  });

  it('lists hundreds of streams, each once', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => streamKey('many', `s${index}`));
    await Promise.all(keys.map(async (key) => registry.claim(testClaim(n1, { stream: key }))));
    const shown = (await other.streams()).map((record) => record.stream);
    expect(shown).toHaveLength(300);
    expect(new Set(shown)).toEqual(new Set(keys));
  });
}
