import { describe, expect, it } from 'vitest';
import {
  defaultDetectorLimits,
  evidenceOf,
  missedBeats,
  nextHealth,
  verdictDueMs,
  type EndedProbe,
  type Evidence,
  type NodeFacts,
  type NodeHealth,
  type ProbeOutcome,
  type Vantage,
} from './node-health.ts';

const healths: readonly NodeHealth[] = ['healthy', 'suspect', 'isolated', 'dead', 'left'];
const evidences: readonly Evidence[] = ['beating', 'late', 'silent', 'answering', 'gone', 'left'];

// One row for each health: what it becomes by each evidence, in the order of `evidences`.
const expected: Readonly<Record<NodeHealth, readonly NodeHealth[]>> = {
  healthy: ['healthy', 'healthy', 'suspect', 'isolated', 'dead', 'left'],
  suspect: ['healthy', 'suspect', 'suspect', 'isolated', 'dead', 'left'],
  isolated: ['healthy', 'isolated', 'suspect', 'isolated', 'dead', 'left'],
  dead: ['healthy', 'dead', 'dead', 'dead', 'dead', 'dead'],
  left: ['healthy', 'healthy', 'left', 'left', 'left', 'left'],
};

describe('the health of a node', () => {
  for (const health of healths) {
    for (const [index, evidence] of evidences.entries()) {
      const next = expected[health][index];
      it(`is ${next ?? ''} after ${health} when the evidence is ${evidence}`, () => {
        expect(nextHealth(health, evidence)).toBe(next);
      });
    }
  }
});

const now = 100_000;

function facts(silentMs: number, changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    isListed: true,
    hasLeft: false,
    silentMs,
    beatMs: now - silentMs,
    canBeProbed: true,
    probe: undefined,
    answeredMs: undefined,
    ...changes,
  };
}

function probe(outcome: ProbeOutcome, endedMsAgo = 10, tookMs = 5): EndedProbe {
  return { outcome, startedMs: now - endedMsAgo - tookMs, endedMs: now - endedMsAgo };
}

const judging: Vantage = { nowMs: now, mayJudge: true, probingSinceMs: 0 };

interface Row {
  readonly title: string;
  readonly facts: NodeFacts;
  readonly vantage?: Vantage;
  readonly evidence: Evidence;
}

const rows: readonly Row[] = [
  { title: 'a beat is not due', facts: facts(900), evidence: 'beating' },
  { title: 'a beat is late within the grace', facts: facts(1_010), evidence: 'beating' },
  { title: 'one beat was missed', facts: facts(1_060), evidence: 'late' },
  { title: 'two beats were missed', facts: facts(2_060), evidence: 'silent' },
  {
    title: 'no beat was missed and nobody listens',
    facts: facts(500, { probe: probe('refused') }),
    evidence: 'beating',
  },
  {
    title: 'one beat was missed and nobody listens',
    facts: facts(1_060, { probe: probe('refused') }),
    evidence: 'gone',
  },
  {
    title: 'one beat was missed and somebody else answers',
    facts: facts(1_060, { probe: probe('replaced') }),
    evidence: 'gone',
  },
  {
    title: 'one beat was missed and a probe was not answered in time',
    facts: facts(1_500, { probe: probe('silent') }),
    evidence: 'late',
  },
  {
    title: 'two beats were missed before a probe that was not answered in time',
    facts: facts(3_060, { probe: probe('silent', 10, 1_000) }),
    evidence: 'gone',
  },
  {
    title: 'two beats were missed only during a probe that was not answered in time',
    facts: facts(2_900, { probe: probe('silent', 10, 1_000) }),
    evidence: 'silent',
  },
  {
    title: 'two beats were missed and a probe was answered',
    facts: facts(2_060, { probe: probe('answered') }),
    evidence: 'answering',
  },
  {
    title: 'a failed probe was begun before the last beat',
    facts: facts(1_060, { probe: probe('refused', 1_070) }),
    evidence: 'late',
  },
  {
    title: 'a failed probe is older than a lease',
    facts: facts(7_000, { isListed: false, probe: probe('refused', 4_100), answeredMs: now - 4_200 }),
    evidence: 'silent',
  },
  {
    title: 'everything fails and the observer may not judge',
    facts: facts(20_000, { isListed: false, probe: probe('refused') }),
    vantage: { ...judging, mayJudge: false },
    evidence: 'silent',
  },
  {
    title: 'it was silent for two leases and no probe ended',
    facts: facts(8_000, { isListed: false }),
    evidence: 'gone',
  },
  {
    title: 'it was silent for less than two leases and no probe ended',
    facts: facts(7_900, { isListed: false }),
    evidence: 'silent',
  },
  {
    title: 'it was silent for two leases and answered a probe within the last one',
    facts: facts(9_000, { isListed: false, answeredMs: now - 3_900 }),
    evidence: 'silent',
  },
  {
    title: 'it was silent for long and the observer has only begun to probe',
    facts: facts(9_000, { isListed: false }),
    vantage: { ...judging, probingSinceMs: now - 3_900 },
    evidence: 'silent',
  },
  {
    title: 'it was silent for long, cannot be probed, and the observer has only begun',
    facts: facts(9_000, { isListed: false, canBeProbed: false }),
    vantage: { ...judging, probingSinceMs: now },
    evidence: 'gone',
  },
  {
    title: 'its lease ended and nothing else is known',
    facts: facts(500, { isListed: false }),
    evidence: 'silent',
  },
  {
    title: 'it left',
    facts: facts(500, { isListed: false, hasLeft: true, probe: probe('refused') }),
    evidence: 'left',
  },
];

describe('the evidence about a node', () => {
  for (const row of rows) {
    it(`is ${row.evidence} when ${row.title}`, () => {
      expect(evidenceOf(row.facts, row.vantage ?? judging, defaultDetectorLimits)).toBe(row.evidence);
    });
  }

  it('counts a beat as missed once it is later than the grace', () => {
    const at = [0, 1_000, 1_019, 1_020, 2_019, 2_020].map((ms) => missedBeats(ms, defaultDetectorLimits));
    expect(at).toEqual([0, 0, 0, 1, 1, 2]);
  });
});

describe('the time of the verdict', () => {
  it.each(['refused', 'replaced'] as const)(
    'is when the next beat is missed, when a probe was %s',
    (outcome) => {
      expect(verdictDueMs(facts(300, { probe: probe(outcome) }), defaultDetectorLimits)).toBe(now + 720);
    },
  );

  it.each([
    ['the probe was not answered in time', facts(300, { probe: probe('silent') })],
    ['the probe was answered', facts(300, { probe: probe('answered') })],
    ['there was no probe', facts(300)],
    ['the probe was begun before the last beat', facts(300, { probe: probe('refused', 310) })],
    ['a beat was missed already', facts(1_060, { probe: probe('refused') })],
  ])('is not known when %s', (_what, known) => {
    expect(verdictDueMs(known, defaultDetectorLimits)).toBeUndefined();
  });
});
