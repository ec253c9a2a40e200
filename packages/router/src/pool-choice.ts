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

/**
 * By which of its loads an edge is found full: what is believed that it has, or, when by that none is left, only what it
 * reports itself. Of those that were sent there some may never have arrived.
 */
export type FullBy = 'load' | 'reported';

/** The two, in the order in which they are tried. */
export const fullByInTurn: readonly FullBy[] = ['load', 'reported'];

/** What is asked of a pool. */
export interface PoolAsk {
  readonly streamHash: number;
  readonly protocol: ViewerProtocol;
  readonly fullBy: FullBy;
}

/** Why an edge is not given one more viewer, however it ranks; undefined where it may be. */
export type Refusal = 'draining' | 'overloaded' | 'not_served' | 'full' | 'above_share';

/**
 * How full the open edges of a pool are with one more viewer, as a share of what they may have. When the edges' own reports
 * count, those that are full by them are left out: what is believed of the others is more, and is what they are compared by.
 */
export function poolFill(
  pool: readonly RoutedEdge[],
  { protocol, fullBy }: PoolAsk,
  rules: ChoiceRules,
): number {
  let load = 1;
  let capacity = 0;
  for (const edge of pool) {
    if (!isOpen(edge, protocol) || (fullBy === 'reported' && isFull(edge, fullBy, rules))) continue;
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
  { protocol, fullBy }: PoolAsk,
  fill: number,
  rules: ChoiceRules,
): Refusal | undefined {
  if (edge.closed !== undefined) return edge.closed;
  if (!isOpen(edge, protocol)) return 'not_served';
  if (isFull(edge, fullBy, rules)) return 'full';
  // Loads by what is sent are no whole numbers. Were the parts counted, no edge of a small pool might have its share to take.
  return Math.floor(edge.load) + 1 > shareOf(edge, fill, rules) ? 'above_share' : undefined;
}

/** How an edge ranks for a stream. */
export function rankingScore(edge: RoutedEdge, streamHash: number): number {
  return weightedScore(pairHash(streamHash, edge.hash), edge.capacity);
}

/** The highest ranking edge of a pool that may get one more viewer; undefined when none may. Allocates nothing. */
export function chooseInPool(
  pool: readonly RoutedEdge[],
  ask: PoolAsk,
  rules: ChoiceRules,
): RoutedEdge | undefined {
  const fill = poolFill(pool, ask, rules);
  let chosen: RoutedEdge | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const edge of pool) {
    const score = rankingScore(edge, ask.streamHash);
    if (score < highest || refusalOf(edge, ask, fill, rules) !== undefined) continue;
    if (score === highest && chosen !== undefined && chosen.node.nodeId < edge.node.nodeId) continue;
    chosen = edge;
    highest = score;
  }
  return chosen;
}

function isFull(edge: RoutedEdge, by: FullBy, { fullAt }: ChoiceRules): boolean {
  return edge[by] + 1 > fullAt * edge.capacity;
}
