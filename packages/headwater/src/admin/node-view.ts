import type {
  NodeListView,
  RouteExplanationView,
  RouteProtocol,
  SessionView,
  StreamKey,
  StreamView,
} from '@headwater/contracts';
import type { NodeRef } from '@headwater/cluster';
import type { MetricValues } from '../prometheus-metrics.ts';
import type { JobDesk } from './job-desk.ts';

/** Known at once, or to be asked for: part of a node may be in other processes. */
export type Eventually<T> = T | Promise<T>;

/** What the admin API and the list of live streams know of the node. Snapshots: nothing in them changes later. */
export interface NodeView {
  readonly jobs: JobDesk;
  streams(): Eventually<readonly StreamView[]>;
  sessions(): Eventually<readonly SessionView[]>;
  /** The nodes of the cluster as this one knows them. */
  nodes(): Promise<NodeListView>;
  /** Closes a session on an operator's request; false when there is none with the id. */
  kick(sessionId: string): Eventually<boolean>;
  /** Where a viewer at an address would be sent, with all reasons. Throws `role_missing` where this node is no router. */
  explainRoute(stream: StreamKey, protocol: RouteProtocol, from: string): RouteExplanationView;
  /** The metrics of the node's other processes. */
  furtherMetrics(): Eventually<readonly MetricValues[]>;
  /** The nodes that this process has the ports of, where it is none itself. */
  origins?(): readonly NodeRef[];
  /** Why publishers and viewers should not be sent here; empty when they should. */
  notReadyReasons(): readonly string[];
  /** What the node cannot know at the moment, in sentences; it is ready all the same. */
  doubts(): readonly string[];
}
