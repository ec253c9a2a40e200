import { streamKey } from '@headwater/contracts';
import { beforeEach, expect, it } from 'vitest';
import type { StreamRegistry } from '../../stream-registry.ts';
import { claimedRecord, refOf, testClaim, testNode, type RegistryHarness } from '../registry-harness.ts';

const stream = streamKey('live', 'cam1');
const n1 = testNode('n1');
const n2 = testNode('n2');
// An epoch that no wall clock will reach: what a claim gets above it cannot come from the clock.
const ahead = 2 ** 45;

/** Epochs: they only grow, and what fails for a stale owner. */
export function epochCases(harness: () => RegistryHarness): void {
  let registry: StreamRegistry;

  beforeEach(async () => {
    registry = harness().registry();
    await registry.join(n1);
    await registry.join(n2);
  });

  async function epochOf(node: typeof n1, seenEpoch?: number): Promise<number> {
    return claimedRecord(await registry.claim(testClaim(node, seenEpoch === undefined ? {} : { seenEpoch })))
      .epoch;
  }

  it('begin near the wall clock in ms, and are whole numbers', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    expect(Number.isSafeInteger(record.epoch)).toBe(true);
    expect(record.epoch).toBeGreaterThanOrEqual(Math.floor(record.sinceMs));
    expect(record.epoch).toBeGreaterThan(1_600_000_000_000);
    expect(record.epoch).toBeLessThan(ahead);
  });

  it('exceed the highest one that the claimer has seen, and never fall below what was stored', async () => {
    expect(await epochOf(n1, ahead)).toBe(ahead + 1);
    await registry.release(stream, n1, ahead + 1);
    expect(await epochOf(n2, 5)).toBe(ahead + 2);
  });

  it('stay as they are for a late claim, where the stream is free and was never claimed above', async () => {
    const served = { servedEpoch: ahead + 7 };
    expect(claimedRecord(await registry.claim(testClaim(n1, served))).epoch).toBe(ahead + 7);
    await registry.release(stream, n1, ahead + 7);
    expect(claimedRecord(await registry.claim(testClaim(n2, { servedEpoch: ahead + 8 }))).epoch).toBe(
      ahead + 8,
    );
  });

  it('rise for a late claim, where the stream was claimed above or at it', async () => {
    await epochOf(n1, ahead);
    await registry.release(stream, n1, ahead + 1);
    const late = testClaim(n2, { servedEpoch: ahead + 1, credential: 'c' });
    expect(claimedRecord(await registry.claim(late)).epoch).toBe(ahead + 2);
    await registry.update({ stream, owner: n2, epoch: ahead + 2, state: 'interrupted' });
    const later = testClaim(n1, { servedEpoch: 5, credential: 'c' });
    expect(claimedRecord(await registry.claim(later)).epoch).toBe(ahead + 3);
  });

  it('settle whose publisher of one credential is the newer, where both claim late', async () => {
    const older = testClaim(n1, { servedEpoch: ahead, credential: 'c' });
    const newer = testClaim(n2, { servedEpoch: ahead + 1, credential: 'c' });
    await registry.claim(older);
    expect(claimedRecord(await registry.claim(newer)).epoch).toBe(ahead + 1);
    expect(await registry.claim(older)).toMatchObject({ outcome: 'refused', current: { owner: refOf(n2) } });
  });

  it('stay as they are for a late claim that is made once more, its answer having been lost', async () => {
    const late = testClaim(n1, { servedEpoch: ahead, mayReplace: true });
    await registry.claim(late);
    expect(claimedRecord(await registry.claim(late)).epoch).toBe(ahead);
    expect(await registry.stream(stream)).toMatchObject({ epoch: ahead, state: 'live' });
  });

  it('let no late claim have what another owner has, however high the epoch it serves', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    const late = testClaim(n2, { servedEpoch: ahead, mayReplace: true });
    expect(await registry.claim(late)).toEqual({ outcome: 'refused', current: record });
  });

  it.each([0, -1, 0.5, Number.MAX_SAFE_INTEGER])(
    'are none where a late claim serves %d',
    async (servedEpoch) => {
      await expect(registry.claim(testClaim(n1, { servedEpoch }))).rejects.toMatchObject({
        code: 'request_malformed',
      });
    },
  );

  it('grow over an end, with the wall clock far behind them', async () => {
    await epochOf(n1, ahead);
    expect(await registry.release(stream, n1, ahead + 1)).toBe(true);
    expect(await registry.stream(stream)).toBeUndefined();
    expect(await epochOf(n1)).toBe(ahead + 2);
  });

  it('grow over a lease that ran out', async () => {
    await epochOf(n1, ahead);
    await harness().advance(harness().leaseMs * 1.2);
    await registry.join(n2);
    expect(await epochOf(n2)).toBe(ahead + 2);
  });

  it('grow over leaving and over a takeover', async () => {
    await epochOf(n1, ahead);
    await registry.leave(n1);
    expect(await epochOf(n2)).toBe(ahead + 2);
    const request = testClaim(n2, { mayReplace: true });
    expect(claimedRecord(await registry.claim(request)).epoch).toBe(ahead + 3);
  });

  it('of one stream do not move those of another', async () => {
    await epochOf(n1, ahead);
    const other = claimedRecord(await registry.claim(testClaim(n1, { stream: streamKey('live', 'cam2') })));
    expect(other.epoch).toBeLessThan(ahead);
  });

  it('that nobody can have seen are refused', async () => {
    for (const seenEpoch of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER, 2 ** 60]) {
      await expect(registry.claim(testClaim(n1, { seenEpoch }))).rejects.toMatchObject({
        code: 'request_malformed',
      });
    }
    expect(await registry.streams()).toEqual([]);
  });

  it('fence: a stale owner can neither update nor release', async () => {
    const first = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    const second = claimedRecord(await registry.claim(testClaim(n2, { credential: 'c' })));
    expect(await registry.update({ stream, owner: n1, epoch: first.epoch, state: 'interrupted' })).toBe(
      false,
    );
    expect(await registry.update({ stream, owner: n1, epoch: second.epoch, state: 'interrupted' })).toBe(
      false,
    );
    expect(await registry.update({ stream, owner: n2, epoch: first.epoch, state: 'interrupted' })).toBe(
      false,
    );
    expect(await registry.release(stream, n1, first.epoch)).toBe(false);
    expect(await registry.release(stream, n1, second.epoch)).toBe(false);
    expect(await registry.release(stream, n2, first.epoch)).toBe(false);
    const otherRun = { ...n2, incarnation: 'n2 run 2' };
    expect(await registry.update({ stream, owner: otherRun, epoch: second.epoch, codecs: ['x'] })).toBe(
      false,
    );
    expect(await registry.release(stream, otherRun, second.epoch)).toBe(false);
    expect(await registry.stream(stream)).toEqual(second);
  });

  it('fence: nothing updates or releases a stream that has ended or never was', async () => {
    expect(await registry.update({ stream, owner: n1, epoch: 1 })).toBe(false);
    expect(await registry.release(stream, n1, 1)).toBe(false);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    expect(await registry.release(stream, n1, epoch)).toBe(true);
    expect(await registry.release(stream, n1, epoch)).toBe(false);
    expect(await registry.update({ stream, owner: n1, epoch, state: 'live' })).toBe(false);
    expect(await registry.stream(stream)).toBeUndefined();
    expect(await registry.streams()).toEqual([]);
  });
}
