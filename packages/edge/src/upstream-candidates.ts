// Whom an edge may pull a stream from, in the order in which it tries them. The owner comes first and last: everybody
// else only stands in while the owner cannot be reached from here.
import type { NodeRecord, StreamRecord } from '@headwater/cluster';
import { rendezvousWeight } from './rendezvous.ts';
import { isShielded, shieldsOf } from './shield-choice.ts';
import type { CandidateSituation, EdgeNode, UpstreamTarget } from './upstream-target.ts';

const maxPeers = 2;

/**
 * The region's shield and its stand-in, where there are any; then the owner, the standby, and the two best peers while the owner
 * has a publisher: else peers have nothing to add, and when an origin dies all its edges would ask each other. Of those that have
 * just failed only the owner is tried again, after all others; the places of failed peers go to the next ones.
 */
export function upstreamCandidates(situation: CandidateSituation): UpstreamTarget[] {
  const { record, failed } = situation;
  const owner: UpstreamTarget = { kind: 'owner', node: record.owner, address: record.relayAddress };
  const peers = record.state === 'live' ? peersOf(situation) : [];
  const substitutes = [...standbyOf(record), ...peers].filter(({ node }) => !failed.has(node.nodeId));
  const shields = shieldsOf(situation).filter(({ node }) => !failed.has(node.nodeId));
  return failed.has(record.owner.nodeId)
    ? [...shields, ...substitutes, owner]
    : [...shields, owner, ...substitutes];
}

function standbyOf({ owner, standby }: StreamRecord): UpstreamTarget[] {
  if (standby === undefined || standby.relayAddress === '' || standby.nodeId === owner.nodeId) return [];
  const { nodeId, incarnation, relayAddress } = standby;
  return [{ kind: 'standby', node: { nodeId, incarnation }, address: relayAddress }];
}

function peersOf(situation: CandidateSituation): UpstreamTarget[] {
  const { record, failed, nodes, self } = situation;
  // Behind a shield nobody has the stream from its owner: who has is in another region.
  const isLastResort = isShielded(situation);
  const others = new Set([self.nodeId, record.owner.nodeId, record.standby?.nodeId, ...failed]);
  return nodes
    .filter(({ nodeId, roles, isDraining }) => roles.includes('edge') && !isDraining && !others.has(nodeId))
    .flatMap((node) => {
      const { nodeId, incarnation, addresses } = node;
      if (addresses.relay === undefined) return [];
      const distance = isLastResort && node.region === self.region ? 3 : distanceTo(node, self);
      const weight = rendezvousWeight(record.stream, nodeId);
      return [{ node: { nodeId, incarnation }, address: addresses.relay, distance, weight }];
    })
    .sort((a, b) => a.distance - b.distance || b.weight - a.weight)
    .slice(0, maxPeers)
    .map(({ node, address }) => ({ kind: 'peer', node, address }));
}

function distanceTo({ zone, region }: NodeRecord, self: EdgeNode): number {
  if (region !== self.region) return 2;
  return zone === self.zone ? 0 : 1;
}
