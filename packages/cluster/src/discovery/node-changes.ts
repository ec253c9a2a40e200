import { haveSameParts } from '../node-record-parts.ts';
import type { NodeRecord, NodeRef } from '../node-record.ts';
import type { DiscoveryEvent } from './node-discovery.ts';

const addressKinds = ['rtmp', 'http', 'admin', 'relay'] as const;

/** What has happened between two memberships, by node id: who left, then who joined or changed. */
export function nodeChanges(
  before: ReadonlyMap<string, NodeRecord>,
  after: ReadonlyMap<string, NodeRecord>,
): DiscoveryEvent[] {
  const events: DiscoveryEvent[] = [];
  for (const old of before.values()) {
    if (after.get(old.nodeId)?.incarnation !== old.incarnation) {
      events.push({ type: 'node_left', node: refOf(old) });
    }
  }
  for (const node of after.values()) {
    const old = before.get(node.nodeId);
    if (old?.incarnation !== node.incarnation) events.push({ type: 'node_joined', node });
    else if (!isSameAnnouncement(old, node)) events.push({ type: 'node_updated', node });
  }
  return events;
}

/** True when nothing but the load differs. */
export function isSameAnnouncement(a: NodeRecord, b: NodeRecord): boolean {
  return (
    a.isDraining === b.isDraining &&
    a.zone === b.zone &&
    a.region === b.region &&
    haveSameParts(a, b) &&
    a.roles.length === b.roles.length &&
    a.roles.every((role) => b.roles.includes(role)) &&
    addressKinds.every((kind) => a.addresses[kind] === b.addresses[kind])
  );
}

function refOf(node: NodeRef): NodeRef {
  return { nodeId: node.nodeId, incarnation: node.incarnation };
}
