// The abuse list against the real program: one process for the whole suite, a good publisher with good viewers beside it
// all the time. Each case fails when the process ends, when the good stream has a gap, an altered or a lost frame, when
// memory or descriptors go past their bounds, or when the case itself sees the wrong reaction.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AbuseRunner } from './abuse-runner.ts';
import { abuseCases } from './cases/index.ts';
import { launchHeadwater } from './headwater.ts';

const runner = new AbuseRunner(async () => launchHeadwater());

describe('beside a good stream that must not notice', () => {
  beforeAll(async () => {
    await runner.start();
  });

  afterAll(async () => {
    await runner.stop();
  });

  for (const abuse of abuseCases) {
    it(`case ${abuse.number}: ${abuse.title}`, { timeout: 120_000 }, async () => {
      expect(await runner.applies(abuse)).toBe(true);
      const { failures, exception } = await runner.runCase(abuse);
      expect({ failures, exception }).toEqual({ failures: [], exception: undefined });
    });
  }
});
