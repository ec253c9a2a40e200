// Which edge of several that are equally near: consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam,
// 2016) over a rendezvous ranking. A stream's viewers go to the edge that ranks first for the stream until that has its
// share, then to the second, and so on: few edges pull a stream, and none has more than its share.
import type { ViewerProtocol } from './edge-url.ts';
import { pairHash, weightedScore } from './rendezvous.ts';
import { isOpen, type RoutedEdge } from './routed-edge.ts';

/** How evenly edges are filled. Shares of one. */
export interface ChoiceRules {
  /** How far above the mean of its pool an edge may get, e.g. 0.25. */
  readonly balance: number;
  /** Up to here an edge is filled whatever the others have: few viewers are better kept together. */
  readonly spreadFrom: number;
  /** From here on an edge counts as full. What was sent by others is known late, so it is less than all. */
  readonly fullAt: number;
}

/** Why an edge is not given one more viewer, however it ranks; undefined where it may be. */
export type Refusal = 'draining' | 'overloaded' | 'not_served' | 'full' | 'above_share';

/** How full the open edges of a pool are with one more viewer, as a share of what they may have. */
export function poolFill(pool: readonly RoutedEdge[], protocol: ViewerProtocol): number {
  let load = 1;
  let capacity = 0;
  for (const edge of pool) {
    if (!isOpen(edge, protocol)) continue;
    load += edge.load;
    capacity += edge.capacity;
  }
  return capacity === 0 ? 0 : load / capacity;
}

/** How many viewers an edge may have in a pool that is so full. */
export function shareOf(edge: RoutedEdge, fill: number, { balance, spreadFrom }: ChoiceRules): number {
  return Math.ceil(Math.max(fill * (1 + balance), spreadFrom) * edge.capacity);
}

/** Whether an edge may get one more. */
export function refusalOf(
  edge: RoutedEdge,
  protocol: ViewerProtocol,
  fill: number,
  rules: ChoiceRules,
): Refusal | undefined {
  if (edge.closed !== undefined) return edge.closed;
  if (!isOpen(edge, protocol)) return 'not_served';
  if (edge.load + 1 > rules.fullAt * edge.capacity) return 'full';
  return edge.load + 1 > shareOf(edge, fill, rules) ? 'above_share' : undefined;
}

/** How an edge ranks for a stream. */
export function rankingScore(edge: RoutedEdge, streamHash: number): number {
  return weightedScore(pairHash(streamHash, edge.hash), edge.capacity);
}

/** The highest ranking edge of a pool that may get one more viewer; undefined when none may. Allocates nothing. */
export function chooseInPool(
  pool: readonly RoutedEdge[],
  ask: { readonly streamHash: number; readonly protocol: ViewerProtocol },
  rules: ChoiceRules,
): RoutedEdge | undefined {
  const { streamHash, protocol } = ask;
  const fill = poolFill(pool, protocol);
  let chosen: RoutedEdge | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const edge of pool) {
    const score = rankingScore(edge, streamHash);
    if (score < highest || refusalOf(edge, protocol, fill, rules) !== undefined) continue;
    if (score === highest && chosen !== undefined && chosen.node.nodeId < edge.node.nodeId) continue;
    chosen = edge;
    highest = score;
  }
  return chosen;
}
