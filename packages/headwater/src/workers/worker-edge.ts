// The edge of a worker: its only upstream is the node itself, where its viewers are counted, too.
import {
  silentMetrics,
  type AccessPolicy,
  type Clock,
  type Logger,
  type Metrics,
  type StreamKey,
} from '@headwater/contracts';
import type { NodeRecord } from '@headwater/cluster';
import { Edge, PublishForwarder, type Overload, type Seat } from '@headwater/edge';
import type { RelayClient } from '@headwater/relay';
import { connect } from 'node:net';
import { edgeSettingsOf } from '../roles/viewer-settings.ts';
import { localForwardingMs } from './local-times.ts';
import type { WorkerLink } from './worker-link.ts';
import type { WorkerQuestions, WorkerSetup } from './worker-messages.ts';

/** What a worker serves with. */
export interface WorkerTools {
  readonly setup: WorkerSetup;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those that count for the node; see `viewerMetrics`. */
  readonly metrics: Metrics;
  readonly access: AccessPolicy;
  readonly link: Pick<WorkerLink<WorkerQuestions>, 'ask' | 'send'>;
}

/** What the edge needs besides. */
export interface WorkerEdgeOptions {
  readonly relay: RelayClient;
  readonly overload: () => Overload | undefined;
}

// The node notices a silent stream itself, and says so. A node that stands still has nobody to be replaced by.
const stallMs = 10_000;
// What may wait for the node before a publisher is given up.
const forwardBacklogBytes = 16 * 1024 * 1024;

/** Makes the edge. */
export function makeWorkerEdge(tools: WorkerTools, { relay, overload }: WorkerEdgeOptions): Edge {
  const { setup, clock, logger, metrics, access, link } = tools;
  const { config, node, relayAddress } = setup;
  const seats = new NodeSeats(link);
  return new Edge({
    ...edgeSettingsOf(config),
    clock,
    logger,
    metrics,
    // Everything about streams is the node's to know.
    registry: {
      stream: async () => Promise.resolve(undefined),
      watch: () => ({ close: () => undefined }),
    },
    relay,
    access,
    node: { nodeId: node.nodeId, ...config.node },
    nodes: () => [],
    hasPeers: false,
    reportLoss: () => undefined,
    overload,
    random: Math.random,
    stallMs,
    agent: {
      node,
      address: relayAddress,
      hasLive: async (stream: StreamKey) => link.ask('hasLive', stream),
    },
    seats,
  });
}

/** Makes what takes publishers: they are the node's, or an origin's that it knows. */
export function makeWorkerForwarder({ setup, clock, logger }: WorkerTools): PublishForwarder {
  const { config, node, rtmpPath } = setup;
  const self: NodeRecord = {
    ...node,
    ...config.node,
    roles: ['origin'],
    addresses: { rtmp: `${node.nodeId}:1935` },
    isDraining: false,
    load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
  };
  return new PublishForwarder({
    discovery: { nodes: () => [self] },
    clock,
    logger,
    // Counted by the node.
    metrics: silentMetrics,
    startMs: localForwardingMs(config.forwardingMs),
    maxPendingBytes: forwardBacklogBytes,
    dial: () => connect({ path: rtmpPath }),
  });
}

/** Seats of the node. Whatever becomes of a question for one, the seat is given back exactly when nobody sits there. */
export class NodeSeats {
  readonly #link: WorkerTools['link'];
  #lastSeat = 0;

  constructor(link: WorkerTools['link']) {
    this.#link = link;
  }

  async take(): Promise<Seat> {
    const seat = ++this.#lastSeat;
    let isLeft = false;
    const release = (): void => {
      if (isLeft) return;
      isLeft = true;
      this.#link.send({ type: 'seat-left', seat });
    };
    try {
      await this.#link.ask('seat', seat);
      return { release };
    } catch (caught) {
      // The node may have said yes, only too late.
      release();
      throw caught;
    }
  }
}
