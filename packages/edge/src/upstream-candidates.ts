// Whom an edge may pull a stream from, in the order in which it tries them. The owner comes first and last: everybody
// else only stands in while the owner cannot be reached from here.
import { createHash } from 'node:crypto';
import type { StreamKey } from '@headwater/contracts';
import type { NodeRecord, NodeRef, StreamRecord } from '@headwater/cluster';

/**
 * `owner`: who has the publisher. `standby`: the origin that follows the stream, with the owner's epoch and numbers.
 * `peer`: another edge that is pulling the stream from one of these. `agent`: who was appointed to pull on this edge's
 * behalf, and follows the stream for it whoever has it.
 */
export type UpstreamKind = 'owner' | 'standby' | 'peer' | 'agent';

/** True for those that only serve until the owner can be reached again. */
export function isSubstitute(kind: UpstreamKind): boolean {
  return kind === 'standby' || kind === 'peer';
}

/** One node to pull from. */
export interface UpstreamTarget {
  readonly kind: UpstreamKind;
  readonly node: NodeRef;
  /** Its relay, as `RelayClient.pull` takes it. */
  readonly address: string;
}

/** Which node an edge is, and where it stands. */
export interface EdgeNode {
  readonly nodeId: string;
  readonly zone: string;
  readonly region: string;
}

/** What the choice depends on. */
export interface CandidateSituation {
  readonly record: StreamRecord;
  /** Node ids of those that did not deliver the stream a moment ago. */
  readonly failed: ReadonlySet<string>;
  readonly nodes: readonly NodeRecord[];
  readonly self: EdgeNode;
}

const maxPeers = 2;

/**
 * The owner, the standby, then the two best peers while the owner has a publisher: else peers have nothing to add, and
 * when an origin dies all its edges would ask each other. Of those that have just failed only the owner is tried again,
 * after all others; the places of failed peers go to the next ones.
 */
export function upstreamCandidates(situation: CandidateSituation): UpstreamTarget[] {
  const { record, failed } = situation;
  const owner: UpstreamTarget = { kind: 'owner', node: record.owner, address: record.relayAddress };
  const peers = record.state === 'live' ? peersOf(situation) : [];
  const substitutes = [...standbyOf(record), ...peers].filter(({ node }) => !failed.has(node.nodeId));
  return failed.has(record.owner.nodeId) ? [...substitutes, owner] : [owner, ...substitutes];
}

function standbyOf({ owner, standby }: StreamRecord): UpstreamTarget[] {
  if (standby === undefined || standby.relayAddress === '' || standby.nodeId === owner.nodeId) return [];
  const { nodeId, incarnation, relayAddress } = standby;
  return [{ kind: 'standby', node: { nodeId, incarnation }, address: relayAddress }];
}

function peersOf({ record, failed, nodes, self }: CandidateSituation): UpstreamTarget[] {
  const others = new Set([self.nodeId, record.owner.nodeId, record.standby?.nodeId, ...failed]);
  return nodes
    .filter(({ nodeId, roles, isDraining }) => roles.includes('edge') && !isDraining && !others.has(nodeId))
    .flatMap((node) => {
      const { nodeId, incarnation, addresses } = node;
      if (addresses.relay === undefined) return [];
      const distance = distanceTo(node, self);
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

// Rendezvous hashing: every edge ranks the same peers alike, each stream has other ones, and a node that comes or goes
// moves only its own share.
function rendezvousWeight(stream: StreamKey, nodeId: string): number {
  return createHash('sha1').update(`${stream}\n${nodeId}`).digest().readUIntBE(0, 6);
}
