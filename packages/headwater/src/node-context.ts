import type { AccessPolicy, Clock, Config, Logger } from '@headwater/contracts';
import type { NodeRef, NodeRole } from '@headwater/cluster';
import type { NodeView } from './admin/node-view.ts';
import type { BoundAddresses } from './bound-addresses.ts';
import type { ConnectionGate } from './connection-gate.ts';
import type { PrometheusMetrics } from './prometheus-metrics.ts';
import type { Service } from './service.ts';

/** What the roles of a node are built with. */
export interface NodeContext {
  readonly config: Config;
  readonly roles: readonly NodeRole[];
  readonly node: NodeRef;
  readonly version: string;
  /** Unix ms. */
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly access: AccessPolicy;
  readonly gate: ConnectionGate;
  /** Takes whole lines of a process that works for the node, to where the log goes. */
  readonly print: (text: string) => void;
  /** Services with a port enter its address here once it is bound. */
  readonly addresses: BoundAddresses;
  /** Publishers of other processes that count to the same limit. Left out: there are none. */
  readonly publishersElsewhere?: () => number;
}

/** What the roles of a node come to: services in their order of start, and what they show. */
export interface NodeParts {
  readonly services: readonly Service[];
  readonly view: NodeView;
  /** Moves publishers and viewers elsewhere before the services stop; resolves by the deadline. */
  drain(deadlineMs: number): Promise<void>;
}
