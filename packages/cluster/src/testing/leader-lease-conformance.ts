// What every `LeaderLease` must do: the twins, in memory and in Redis, pass one and the same suite.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaderLease } from '../leader-lease.ts';

/** A free lease under test. */
export interface LeaderLeaseHarness {
  /** A client of the store; another one at each call where there can be several. */
  lease(): LeaderLease;
  /** Lets the store's time pass. */
  advance(byMs: number): Promise<void>;
  close(): Promise<void>;
}

async function granted(lease: LeaderLease, holder: string): Promise<number> {
  const claim = await lease.claim(holder);
  if (claim.outcome === 'granted') return claim.token;
  throw new Error(`lease is held by ${claim.holder}`);
}

/** Declares the suite for one implementation; each test gets a free lease. */
export function leaderLeaseConformance(name: string, makeHarness: () => Promise<LeaderLeaseHarness>): void {
  describe(`${name} as the lease of leaders`, () => {
    let harness: LeaderLeaseHarness;
    let lease: LeaderLease;
    let other: LeaderLease;

    beforeEach(async () => {
      harness = await makeHarness();
      lease = harness.lease();
      other = harness.lease();
    });

    afterEach(async () => {
      await harness.close();
    });

    it('is free at first, and goes to the first who asks', async () => {
      expect(await lease.current()).toBeUndefined();
      const token = await granted(lease, 'a');
      expect(Number.isSafeInteger(token)).toBe(true);
      expect(token).toBeGreaterThan(0);
      expect(await other.current()).toEqual({ holder: 'a', token });
      expect(await other.claim('b')).toEqual({ outcome: 'held', holder: 'a' });
    });

    it('goes to exactly one of many who ask at once', async () => {
      const claims = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => harness.lease().claim(`holder ${index}`)),
      );
      expect(claims.filter((claim) => claim.outcome === 'granted')).toHaveLength(1);
    });

    it('runs on when it is renewed, and ends when it is not', async () => {
      const token = await granted(lease, 'a');
      for (let round = 0; round < 3; round++) {
        await harness.advance(lease.leaseMs * 0.6);
        expect(await lease.renew('a', token)).toBe(true);
      }
      expect(await other.claim('b')).toMatchObject({ outcome: 'held' });
      await harness.advance(lease.leaseMs * 1.2);
      expect(await other.current()).toBeUndefined();
      expect(await lease.renew('a', token)).toBe(false);
      expect(await other.claim('b')).toMatchObject({ outcome: 'granted' });
    });

    it('gives each leadership a higher token, however the one before ended', async () => {
      const tokens = [await granted(lease, 'a')];
      await lease.release('a', tokens[0] ?? 0);
      tokens.push(await granted(other, 'b'));
      await harness.advance(lease.leaseMs * 1.2);
      tokens.push(await granted(lease, 'a'));
      // Its own again: the answer to the claim before was lost.
      tokens.push(await granted(lease, 'a'));
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    });

    it('is neither renewed nor released with the token of an earlier leadership, or by somebody else', async () => {
      const first = await granted(lease, 'a');
      const second = await granted(lease, 'a');
      expect(await lease.renew('a', first)).toBe(false);
      expect(await lease.release('a', first)).toBe(false);
      expect(await other.renew('b', second)).toBe(false);
      expect(await other.release('b', second)).toBe(false);
      expect(await lease.renew('a', second)).toBe(true);
      expect(await lease.current()).toEqual({ holder: 'a', token: second });
    });

    it('is free at once when released, and released once', async () => {
      const token = await granted(lease, 'a');
      expect(await lease.release('a', token)).toBe(true);
      expect(await lease.release('a', token)).toBe(false);
      expect(await lease.renew('a', token)).toBe(false);
      expect(await other.claim('b')).toMatchObject({ outcome: 'granted' });
    });

    it('rejects everything once it is closed, and closing twice does nothing', async () => {
      await lease.close();
      await lease.close();
      const unavailable = { code: 'registry_unavailable' };
      await expect(lease.claim('a')).rejects.toMatchObject(unavailable);
      await expect(lease.renew('a', 1)).rejects.toMatchObject(unavailable);
      await expect(lease.release('a', 1)).rejects.toMatchObject(unavailable);
      await expect(lease.current()).rejects.toMatchObject(unavailable);
    });
  });
}
