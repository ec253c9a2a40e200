// The questions that decided against somebody else's ingest, asked of our own.
import { describe, expect, it } from 'vitest';
import { askFact, facts } from './facts.ts';
import { guardedQuery, launchGuardedHeadwater, launchHeadwater } from './headwater.ts';

describe('asked on the wire', () => {
  for (const fact of facts) {
    it(`${fact.question}: the answer is the right one`, async () => {
      const isGuarded = fact.needsGuard === true;
      const server = isGuarded ? await launchGuardedHeadwater() : await launchHeadwater();
      try {
        const answer = await askFact(fact, server.target, isGuarded ? guardedQuery : '');
        expect(answer).toEqual({ isGood: true, seen: expect.any(String) as string });
      } finally {
        await server.stop();
      }
    });
  }
});
