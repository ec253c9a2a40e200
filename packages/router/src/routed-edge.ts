import type { NodeCapacity, NodeRecord } from '@headwater/cluster';
import { baseOf, edgeBases, type EdgeBases, type ViewerProtocol } from './edge-url.ts';
import { hashText } from './rendezvous.ts';

/** An edge as a choice sees it. `load` alone changes between two reports: by one for each viewer that is sent there. */
export interface RoutedEdge {
  readonly node: NodeRecord;
  readonly bases: EdgeBases;
  readonly hash: number;
  /** Viewers that it may have. */
  readonly capacity: number;
  /** Viewers that it has, or as many as fill the same share of it as what it sends does. */
  readonly reported: number;
  /** What it reported and what was sent there since. */
  load: number;
  /** Why nobody is sent there, by its own word. */
  readonly closed: 'draining' | 'overloaded' | undefined;
}

/** Of an edge that does not say: the default of `limits.viewers`. */
const defaultCapacity: NodeCapacity = { viewers: 50_000, egressBitsPerSecond: 0 };

/** Makes an edge of its record and of how many viewers were sent there since its report. */
export function routedEdge(node: NodeRecord, sent: number): RoutedEdge {
  const capacity = node.capacity ?? defaultCapacity;
  const reported = reportedViewers(node, capacity);
  return {
    node,
    bases: edgeBases(node),
    hash: hashText(node.nodeId),
    capacity: capacity.viewers,
    reported,
    load: reported + sent,
    closed: closedFor(node),
  };
}

/** Whether an edge takes anybody who speaks that protocol, however many it has. */
export function isOpen(edge: RoutedEdge, protocol: ViewerProtocol): boolean {
  return edge.closed === undefined && baseOf(edge.bases, protocol) !== undefined;
}

function closedFor({ isDraining, load }: NodeRecord): RoutedEdge['closed'] {
  if (isDraining) return 'draining';
  return load.overload === undefined ? undefined : 'overloaded';
}

// What is scarcer counts: places for viewers, or what may be sent.
function reportedViewers({ load }: NodeRecord, capacity: NodeCapacity): number {
  if (capacity.egressBitsPerSecond === 0) return load.viewers;
  return Math.max(load.viewers, (load.egressBitsPerSecond / capacity.egressBitsPerSecond) * capacity.viewers);
}
