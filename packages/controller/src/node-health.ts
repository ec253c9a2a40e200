// What a controller thinks of one node, as a pure function of what is known about it. Dead is said only of a node that
// missed a heartbeat and failed a direct probe, or that was silent for two leases and answered no probe either.

/**
 * `healthy`: it beats. `suspect`: it missed beats. `isolated`: it does not beat, and answers probes: cut off from the
 * registry only. `dead`: the verdict; only a beat undoes it. `left`: it said goodbye, or another run of it took its place.
 */
export type NodeHealth = 'healthy' | 'suspect' | 'isolated' | 'dead' | 'left';

/**
 * What the facts about a node add up to at one moment. `beating`: its beat is not due. `late`: it has missed one, which
 * says little. `silent`: it has missed more, and nothing else is known. `answering`: so, but it answers probes.
 * `gone`: neither a beat nor an answer.
 */
export type Evidence = 'beating' | 'late' | 'silent' | 'answering' | 'gone' | 'left';

const anew = {
  beating: 'healthy',
  silent: 'suspect',
  answering: 'isolated',
  gone: 'dead',
  left: 'left',
} as const;

const table: Readonly<Record<NodeHealth, Readonly<Record<Evidence, NodeHealth>>>> = {
  healthy: { ...anew, late: 'healthy' },
  suspect: { ...anew, late: 'suspect' },
  isolated: { ...anew, late: 'isolated' },
  // A frozen node that resumes answers before it beats: until it has joined again it owns nothing.
  dead: { beating: 'healthy', late: 'dead', silent: 'dead', answering: 'dead', gone: 'dead', left: 'dead' },
  left: {
    beating: 'healthy',
    late: 'healthy',
    silent: 'left',
    answering: 'left',
    gone: 'left',
    left: 'left',
  },
};

/** The health of a node after a look at the evidence. */
export function nextHealth(health: NodeHealth, evidence: Evidence): NodeHealth {
  return table[health][evidence];
}

/**
 * How a probe ended. `answered`: by this run of the node. `refused`: nobody listens there. `silent`: no answer in time.
 * `replaced`: somebody else answered.
 */
export type ProbeOutcome = 'answered' | 'refused' | 'silent' | 'replaced';

/** A probe that has ended. */
export interface EndedProbe {
  readonly outcome: ProbeOutcome;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** What is known of a node. Times are of the observer's monotonic clock. */
export interface NodeFacts {
  /** Its lease runs. */
  readonly isListed: boolean;
  /** It went before its lease could have run out. */
  readonly hasLeft: boolean;
  /** How long it had been silent at the last look into the registry. */
  readonly silentMs: number;
  /** When it beat last, at the latest. */
  readonly beatMs: number;
  /** It has an address to probe. */
  readonly canBeProbed: boolean;
  /** The last probe that ended. */
  readonly probe: EndedProbe | undefined;
  /** When a probe was answered last. */
  readonly answeredMs: number | undefined;
}

/** From where the facts are looked at. */
export interface Vantage {
  readonly nowMs: number;
  /** False for whoever does not lead or was blind: then nobody is held for dead. */
  readonly mayJudge: boolean;
  /** Since when the observer probes: before, no answer means nothing. */
  readonly probingSinceMs: number;
}

/** Times of a detector. */
export interface DetectorLimits {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** By how much a beat may be late without being missed. */
  readonly graceMs: number;
  /** So many missed beats make a node suspect. */
  readonly suspectBeats: number;
  /** The pause between two probes of a node that is in question. */
  readonly probeEveryMs: number;
}

/** Defaults of `DetectorLimits`. */
export const defaultDetectorLimits: DetectorLimits = {
  heartbeatMs: 1_000,
  leaseMs: 4_000,
  graceMs: 20,
  suspectBeats: 2,
  probeEveryMs: 500,
};

/** How many beats a node has missed. */
export function missedBeats(silentMs: number, limits: DetectorLimits): number {
  return Math.max(0, Math.floor((silentMs - limits.graceMs) / limits.heartbeatMs));
}

/** What the facts about a node add up to. */
export function evidenceOf(facts: NodeFacts, vantage: Vantage, limits: DetectorLimits): Evidence {
  if (facts.hasLeft) return 'left';
  const missed = missedBeats(facts.silentMs, limits);
  if (vantage.mayJudge && isGone(facts, vantage, limits)) return 'gone';
  if (facts.isListed && missed < limits.suspectBeats) return missed === 0 ? 'beating' : 'late';
  return freshProbe(facts, vantage, limits)?.outcome === 'answered' ? 'answering' : 'silent';
}

function isGone(facts: NodeFacts, vantage: Vantage, limits: DetectorLimits): boolean {
  const missed = missedBeats(facts.silentMs, limits);
  const outcome = freshProbe(facts, vantage, limits)?.outcome;
  // That nobody listens is known at once. That nobody answers may be a busy node: it must be suspect by its beats first.
  if (outcome === 'refused' || outcome === 'replaced') return missed >= 1;
  if (outcome === 'silent') return missed >= limits.suspectBeats && wasSuspect(facts, limits);
  if (facts.silentMs < 2 * limits.leaseMs) return false;
  const { answeredMs } = facts;
  const hasAnswered = answeredMs !== undefined && vantage.nowMs - answeredMs <= limits.leaseMs;
  const wasProbed = !facts.canBeProbed || vantage.nowMs - vantage.probingSinceMs >= limits.leaseMs;
  return wasProbed && !hasAnswered;
}

/** The last probe was begun when the node had already missed enough beats to be suspect. */
function wasSuspect({ probe, beatMs }: NodeFacts, limits: DetectorLimits): boolean {
  return probe !== undefined && missedBeats(probe.startedMs - beatMs, limits) >= limits.suspectBeats;
}

/**
 * When a node of which nobody listens any more will have missed its next beat, and so be held for dead; undefined when
 * that is not so, or when it has missed one already.
 */
export function verdictDueMs(facts: NodeFacts, limits: DetectorLimits): number | undefined {
  const { probe, beatMs } = facts;
  const isRefused = probe?.outcome === 'refused' || probe?.outcome === 'replaced';
  if (!isRefused || probe.startedMs <= beatMs || missedBeats(facts.silentMs, limits) > 0) return undefined;
  return beatMs + limits.heartbeatMs + limits.graceMs;
}

/** The last probe, when it says something about now: begun after the last beat, and ended not long ago. */
function freshProbe(facts: NodeFacts, vantage: Vantage, limits: DetectorLimits): EndedProbe | undefined {
  const { probe } = facts;
  if (probe === undefined || probe.startedMs <= facts.beatMs) return undefined;
  return vantage.nowMs - probe.endedMs <= limits.leaseMs ? probe : undefined;
}
