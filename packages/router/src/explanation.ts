// A choice with its reasons: every edge that was looked at, ranked as the choice ranks them, and what speaks against it.
import { baseOf, type ViewerProtocol } from './edge-url.ts';
import {
  poolFill,
  rankingScore,
  refusalOf,
  shareOf,
  type ChoiceRules,
  type FullBy,
  type PoolAsk,
  type Refusal,
} from './pool-choice.ts';
import type { RoutedEdge } from './routed-edge.ts';
import type { Nearness, Tier } from './tiers.ts';
import type { Zone } from './zone.ts';

/** What a choice made of an edge. `ranks_lower` and `farther` would be taken were the chosen one not there. */
export type Verdict = 'chosen' | 'ranks_lower' | 'farther' | Refusal;

/** One edge in an explanation. */
export interface Candidate {
  readonly edge: RoutedEdge;
  /** 0 for the nearest tier that there is. */
  readonly tier: number;
  readonly nearness: Nearness;
  readonly distanceMs: number | undefined;
  readonly verdict: Verdict;
  /** A sentence without its dot. */
  readonly why: string;
}

/** A choice, explained. */
export interface Explanation {
  /** The zone that the viewer counts as. */
  readonly zone: Zone;
  readonly chosen: Candidate | undefined;
  /** The nearest tier first, within it by rank. */
  readonly candidates: readonly Candidate[];
  /** A sentence without its dot. */
  readonly reason: string;
}

/** What is explained. */
export interface ExplanationParts {
  readonly zone: Zone;
  readonly tiers: readonly Tier[];
  readonly streamHash: number;
  readonly protocol: ViewerProtocol;
  readonly rules: ChoiceRules;
}

/** Makes the choice once more, slowly, keeping everything that it looks at. */
export function explained(parts: ExplanationParts): Explanation {
  const explanation = explainedBy(parts, 'load');
  return explanation.chosen === undefined ? explainedBy(parts, 'reported') : explanation;
}

function explainedBy(parts: ExplanationParts, fullBy: FullBy): Explanation {
  let chosen: Candidate | undefined;
  const candidates: Candidate[] = [];
  for (const [index, tier] of parts.tiers.entries()) {
    const ask = { streamHash: parts.streamHash, protocol: parts.protocol, fullBy };
    for (const candidate of candidatesOf(ask, tier, {
      rules: parts.rules,
      index,
      isDecided: chosen !== undefined,
    })) {
      candidates.push(candidate);
      if (candidate.verdict === 'chosen') chosen = candidate;
    }
  }
  return { zone: parts.zone, chosen, candidates, reason: reasonOf(parts, chosen, candidates) };
}

function candidatesOf(
  ask: PoolAsk,
  { nearness, distanceMs, edges }: Tier,
  {
    rules,
    index,
    isDecided,
  }: { readonly rules: ChoiceRules; readonly index: number; readonly isDecided: boolean },
): Candidate[] {
  const fill = poolFill(edges, ask, rules);
  const scored = edges.map((edge) => ({ edge, score: rankingScore(edge, ask.streamHash) }));
  scored.sort((a, b) => b.score - a.score || (a.edge.node.nodeId < b.edge.node.nodeId ? -1 : 1));
  let isTaken = false;
  return scored.map(({ edge }, rank) => {
    const refusal = refusalOf(edge, ask, fill, rules);
    const taken = isDecided ? 'farther' : isTaken ? 'ranks_lower' : 'chosen';
    const verdict: Verdict = refusal ?? taken;
    isTaken ||= verdict === 'chosen';
    const why = whyOf(verdict, { edge, ask, rank: rank + 1, share: shareOf(edge, fill, rules) });
    return { edge, tier: index, nearness, distanceMs, verdict, why };
  });
}

function whyOf(
  verdict: Verdict,
  about: {
    readonly edge: RoutedEdge;
    readonly ask: PoolAsk;
    readonly rank: number;
    readonly share: number;
  },
): string {
  const { edge, ask, rank, share } = about;
  const load = Math.round(edge.load);
  const fullBy = Math.round(edge[ask.fullBy]);
  switch (verdict) {
    case 'chosen':
      return ask.fullBy === 'load'
        ? `ranks ${rank} for this stream in its zone, and has ${load} of its share of ${share} viewers`
        : `ranks ${rank} for this stream in its zone, and reports ${fullBy} of ${edge.capacity} viewers; all edges would be full if everybody sent there since had come`;
    case 'ranks_lower':
      return `takes viewers, but ranks ${rank} for this stream in its zone`;
    case 'farther':
      return 'takes viewers, but is farther away';
    case 'draining':
      return 'is draining';
    case 'overloaded':
      return `turns newcomers away: ${edge.node.load.overload ?? 'overload'}`;
    case 'not_served':
      return `has no address for ${ask.protocol}`;
    case 'full':
      return `is full: ${fullBy} of ${edge.capacity} viewers`;
    case 'above_share':
      return `has its share: ${load} of at most ${share} viewers, given how full the others are`;
  }
}

function reasonOf(
  { zone }: ExplanationParts,
  chosen: Candidate | undefined,
  candidates: readonly Candidate[],
): string {
  const where = `${zone.name}${zone.region === undefined ? '' : ` of ${zone.region}`}`;
  if (chosen === undefined) {
    return candidates.length === 0 ? 'no edge is known' : `none of ${candidates.length} edges takes viewers`;
  }
  const nearer = candidates.filter(({ tier }) => tier < chosen.tier).length;
  const passed = nearer === 0 ? '' : `, as none of ${nearer} nearer edges takes viewers`;
  const zoneOfEdge = chosen.edge.node.zone;
  switch (chosen.nearness) {
    case 'zone':
      return `it is in the viewer's zone ${where}, and ${chosen.why}`;
    case 'region':
      return `zone ${zoneOfEdge} is the nearest to zone ${where} in its region${passed}; it ${chosen.why}`;
    case 'distance':
      return `zone ${zoneOfEdge} of ${chosen.edge.node.region} is the nearest to zone ${where}${passed}; it ${chosen.why}`;
  }
}

/** Edges that would be taken next, the best first. */
export function alternativesOf({ candidates }: Explanation, protocol: ViewerProtocol): readonly Candidate[] {
  return candidates.filter(
    ({ verdict, edge }) =>
      ['ranks_lower', 'above_share', 'farther'].includes(verdict) &&
      baseOf(edge.bases, protocol) !== undefined,
  );
}
