// Through whom an edge pulls a stream whose owner is far away: one edge of its region has it from there, and all others from that
// one. Every edge ranks all edges alike for a stream, and asks only those before itself: so no two ever ask each other,
// whatever each of them believes about the others, and a node that comes or goes moves only its own share of the streams.
import type { NodeRecord } from '@headwater/cluster';
import { rendezvousWeight } from './rendezvous.ts';
import type { CandidateSituation, UpstreamTarget } from './upstream-target.ts';

/** The shield and its stand-in. */
const maxShields = 2;

/** What the choice depends on. */
export type ShieldSituation = Pick<CandidateSituation, 'record' | 'nodes' | 'self' | 'shield' | 'isAsked'>;

/** Whether the edges of this region have the stream through one of them. */
export function isShielded({ record, nodes, self, shield = 'off' }: ShieldSituation): boolean {
  if (shield !== 'auto') return shield === 'always';
  const owner = nodes.find(({ nodeId }) => nodeId === record.owner.nodeId);
  return owner !== undefined && owner.region !== self.region;
}

/** The edges to ask for the stream before its owner, the shield first; none where this edge is the shield, or is asked as one. */
export function shieldsOf(situation: ShieldSituation): UpstreamTarget[] {
  const { record, nodes, self, isAsked = false } = situation;
  if (isAsked || !isShielded(situation)) return [];
  const rankOf = (nodeId: string): Rank => ({ nodeId, weight: rendezvousWeight(record.stream, nodeId) });
  const own = rankOf(self.nodeId);
  return nodes
    .filter((node) => isReadyEdge(node) && node.region === self.region && node.nodeId !== record.owner.nodeId)
    .map((node) => ({ node, rank: rankOf(node.nodeId) }))
    .filter(({ rank }) => compareRanks(rank, own) < 0)
    .sort((a, b) => compareRanks(a.rank, b.rank))
    .slice(0, maxShields)
    .map(({ node: { nodeId, incarnation, addresses } }) => ({
      kind: 'shield',
      node: { nodeId, incarnation },
      address: addresses.relay ?? '',
    }));
}

interface Rank {
  readonly nodeId: string;
  readonly weight: number;
}

// Never 0 for two nodes: the order is the same for all, also where weights are.
function compareRanks(a: Rank, b: Rank): number {
  return b.weight - a.weight || (a.nodeId < b.nodeId ? -1 : 1);
}

function isReadyEdge({ roles, isDraining, addresses }: NodeRecord): boolean {
  return roles.includes('edge') && !isDraining && addresses.relay !== undefined;
}
