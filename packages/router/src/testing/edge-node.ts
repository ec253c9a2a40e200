import type { NodeLoad, NodeRecord } from '@headwater/cluster';

/** What a test says about an edge; the rest is like everybody's. */
export type EdgeNodeChanges = Partial<Omit<NodeRecord, 'nodeId' | 'load'>> & {
  readonly load?: Partial<NodeLoad>;
};

/** An edge with room for a thousand viewers, and none yet. */
export function edgeNode(nodeId: string, changes: EdgeNodeChanges = {}): NodeRecord {
  const { load, ...over } = changes;
  return {
    nodeId,
    incarnation: `${nodeId} run 1`,
    roles: ['edge'],
    zone: 'a',
    region: 'r',
    addresses: { http: `${nodeId}:8080`, rtmp: `${nodeId}:1935` },
    capacity: { viewers: 1_000, egressBitsPerSecond: 0 },
    isDraining: false,
    ...over,
    load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0, ...load },
  };
}
