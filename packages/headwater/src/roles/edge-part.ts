import { Edge, PublishForwarder, type Overload } from '@headwater/edge';
import type { RelayClient } from '@headwater/relay';
import type { NodeContext } from '../node-context.ts';
import { forwardingMs } from '../workers/local-times.ts';
import { workerCount } from '../workers/worker-count.ts';
import type { ClusterNodes } from './discovery.ts';
import type { RegistryParts } from './registry.ts';
import { edgeSettingsOf } from './viewer-settings.ts';

// What may wait for an origin before a forwarded publisher is given up.
const forwardBacklogBytes = 16 * 1024 * 1024;

/** The edge of a node, as its configuration wants it. */
export function makeEdge(
  context: NodeContext,
  parts: Pick<RegistryParts, 'registry' | 'reportLoss'> & {
    nodes: ClusterNodes;
    overload: () => Overload | undefined;
  },
  relay: RelayClient,
): Edge {
  const { clock, logger, metrics, access, node, config } = context;
  const { zone, region } = config.node;
  const { registry, reportLoss, nodes, overload } = parts;
  return new Edge({
    ...edgeSettingsOf(config),
    clock,
    logger,
    metrics,
    registry,
    reportLoss,
    relay,
    access,
    node: { nodeId: node.nodeId, zone, region },
    nodes: () => nodes.nodes(),
    hasPeers: config.registry.redis !== undefined,
    shield: config.edge.shield,
    isAgent: workerCount(config, context.roles) > 0,
    overload,
    random: Math.random,
  });
}

/** An edge takes publishers for the origins of its cluster. */
export function makeForwarder(context: NodeContext, discovery: ClusterNodes): PublishForwarder {
  const { clock, logger, metrics, config } = context;
  const startMs = forwardingMs(config);
  const maxPendingBytes = forwardBacklogBytes;
  return new PublishForwarder({ discovery, clock, logger, metrics, startMs, maxPendingBytes });
}
