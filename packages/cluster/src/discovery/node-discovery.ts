// Who is there, and how far away. Readers ask what is known at this moment and never wait; what is known outlives the
// source it came from: losing the source keeps the last membership. Implementations pass `testing/discovery-conformance.ts`.
import type { NodeRecord, NodeRef } from '../node-record.ts';
import type { Watch } from '../stream-registry.ts';

/**
 * What watchers hear of. `node_updated` tells of a new announcement and of draining; load is read by `nodes`. A node that
 * comes back as another incarnation leaves and joins. `went_stale` and `became_current` follow `NodeDiscovery.isStale`.
 */
export type DiscoveryEvent =
  | { readonly type: 'node_joined'; readonly node: NodeRecord }
  | { readonly type: 'node_updated'; readonly node: NodeRecord }
  | { readonly type: 'node_left'; readonly node: NodeRef }
  | { readonly type: 'went_stale' }
  | { readonly type: 'became_current' };

/** The nodes of the cluster as one node sees them. Started and closed once; nothing but `start` and `close` waits. */
export interface NodeDiscovery {
  /** Begins to follow. Resolves after the first try, also when the source is away. */
  start(): Promise<void>;
  /** The last known nodes by id; a new array whenever something changes. */
  nodes(): readonly NodeRecord[];
  node(nodeId: string): NodeRecord | undefined;
  /** True when some of what `nodes` says may be out of date: the source is away, or has come back without some of them. */
  readonly isStale: boolean;
  /** Estimated round trip between two nodes; undefined when it is not known. 0 for a node and itself. */
  distanceMs(fromNodeId: string, toNodeId: string): number | undefined;
  /** Estimated round trip between two regions: the median over their nodes; undefined when it is not known. */
  regionDistanceMs(fromRegion: string, toRegion: string): number | undefined;
  /** Hears every event from now on. A listener that throws is logged and does not keep others from hearing. */
  watch(listener: (event: DiscoveryEvent) => void): Watch;
  /** Stops following. What was known can still be read; watches hear nothing more. Twice does nothing. */
  close(): Promise<void>;
}
