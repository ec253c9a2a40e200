// Puts a node together from its roles: what is made, in which order it starts, and what it shows of itself.
import type { AppError } from '@headwater/contracts';
import type { StreamRegistry } from '@headwater/cluster';
import type { Controller } from '@headwater/controller';
import { CrossOriginRule, Edge, PublishForwarder, type Overload } from '@headwater/edge';
import { Origin, sharedProbe, type OriginOptions, type RegistryStanding } from '@headwater/origin';
import { RelayClient } from '@headwater/relay';
import { HttpListener } from '../http-listener.ts';
import type { NodeContext, NodeParts } from '../node-context.ts';
import { viewerPages } from '../pages/viewer-pages.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { RtmpListener } from '../rtmp-listener.ts';
import type { Service } from '../service.ts';
import { backlogOf, flushPlanOf, ringOf } from './fan-out-settings.ts';
import { ClusterNodes } from './discovery.ts';
import { Drain } from './drain.ts';
import { JobsService } from './jobs-service.ts';
import { ListenerService } from './listener-service.ts';
import { MembershipService } from './membership-service.ts';
import { OverloadWatch } from './overload-watch.ts';
import { openRegistry, type RegistryParts } from './registry.ts';
import { reachableAddresses } from './reachable-addresses.ts';
import { keepaliveOf, RelayService } from './relay-service.ts';
import { RolesView } from './roles-view.ts';

const probeTimeoutMs = 500;
// An owner that did not answer is not asked again for each publisher that waits for it.
const ownerSilentMs = 400;
// A controller and the registry take their time beyond the lease to declare a node dead.
const beyondLeaseMs = 1_000;
// What may wait for an origin before a forwarded publisher is given up.
const forwardBacklogBytes = 16 * 1024 * 1024;

interface RtmpParts {
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  readonly forwarder: PublishForwarder | undefined;
}

/** Makes the services of a node's roles. */
export function nodeParts(context: NodeContext): NodeParts {
  const { roles, clock, logger } = context;
  const { registry, jobs: jobRegistry, reportLoss, makeController } = openRegistry(context);
  const nodes = new ClusterNodes(context, registry);
  const relay = makeRelayClient(context);
  // Asked when publishers come, and these come when everything has been made.
  const standing = (): RegistryStanding => membership.standing;
  const origin = roles.includes('origin') ? makeOrigin(context, { registry, standing }, relay) : undefined;
  const overload = (): Overload | undefined => overloadWatch?.overload;
  const edge = roles.includes('edge')
    ? makeEdge(context, { registry, reportLoss, nodes, overload }, relay)
    : undefined;
  const overloadWatch = edge === undefined ? undefined : watchOverload(context, edge);
  const forwarder = origin === undefined && edge !== undefined ? makeForwarder(context, nodes) : undefined;
  const membership = new MembershipService(context, { registry, nodes, origin, edge });
  const jobs = new JobsService(context, { jobs: jobRegistry, origin });
  const view = new RolesView({ context, nodes, origin, edge, membership, jobs });
  const services: Service[] = [];
  // Edges of a cluster serve each other, too.
  const hasPeers = edge !== undefined && context.config.registry.redis !== undefined;
  if (origin !== undefined || hasPeers) services.push(new RelayService(context, { origin, edge }));
  if (origin !== undefined || edge !== undefined) {
    services.push(rtmpService(context, { origin, edge, forwarder }));
  }
  if (edge !== undefined) services.push(httpService(context, edge, view));
  // Late, when every address is known; early to go, so that nobody is sent here any more.
  services.push(membership, jobs);
  if (roles.includes('controller') && makeController !== undefined) {
    services.push(controllerService(makeController(relay)));
  }
  services.push(viewersService(edge, relay, overloadWatch));
  const announce = async (): Promise<void> => membership.announceDrain();
  const drain = new Drain({ clock, logger, origin, edge, forwarder, announce });
  return { services, view, drain: async (deadlineMs) => drain.run(deadlineMs) };
}

function makeOrigin(
  context: NodeContext,
  { registry, standing }: { registry: StreamRegistry; standing: () => RegistryStanding },
  relay: RelayClient,
): Origin {
  const { clock, logger, metrics, access, node, config, addresses } = context;
  return new Origin({
    clock,
    logger,
    metrics,
    registry,
    access,
    node,
    relayAddress: () => reachableAddresses(config, addresses.all()).relay ?? '',
    ring: ringOf(config),
    holdMs: config.holdMs,
    maxPublishers: config.limits.publishers,
    standing,
    relay,
    backup: {
      silentAfterMs: config.publish.backupAfterMs,
      isEverySecond: config.publish.isEverySecondBackup,
    },
    ...patienceOf(context, relay),
  });
}

// Within one process an owner cannot die alone.
function patienceOf({ clock, config }: NodeContext, relay: RelayClient): Pick<OriginOptions, 'patience'> {
  const { registry } = config;
  if (registry.redis === undefined) return {};
  const probe = async (address: string): Promise<boolean> =>
    relay.probe(address, probeTimeoutMs).then(
      () => true,
      () => false,
    );
  const probeOwner = sharedProbe(probe, clock, ownerSilentMs);
  return { patience: { probeOwner, patienceMs: registry.leaseMs + beyondLeaseMs } };
}

function makeRelayClient(context: NodeContext): RelayClient {
  const { clock, metrics, node, config } = context;
  return new RelayClient({
    clock,
    metrics,
    nodeId: node.nodeId,
    limits: { openingMs: config.relay.openingTimeoutMs },
    keepalive: keepaliveOf(config),
  });
}

function makeEdge(
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
    ring: ringOf(config),
    flushPlan: flushPlanOf(config),
    backlog: backlogOf(config),
    defaultLatency: config.viewer.latency,
    holdMs: config.holdMs,
    lingerMs: config.viewer.lingerMs,
    waitForStreamMs: config.viewer.waitForStreamMs,
    maxViewers: config.limits.viewers,
    maxStreams: config.limits.streams,
    overload,
    random: Math.random,
  });
}

function watchOverload({ clock, config }: NodeContext, edge: Edge): OverloadWatch {
  return new OverloadWatch({ clock, limits: config.limits, bytesWritten: () => edge.bytesWritten });
}

function rtmpService(context: NodeContext, parts: RtmpParts): Service {
  const { clock, logger, metrics, gate, config, addresses } = context;
  const { limits, apps } = config;
  const session = {
    limits: {
      connectMs: limits.handshakeMs,
      idleMs: limits.idleMs,
      publisherSilentMs: limits.publisherSilenceMs,
      chunks: {
        messageBytes: limits.messageBytes,
        unfinishedBytes: limits.unfinishedMessageBytes,
        chunkStreams: limits.chunkStreams,
      },
    },
  };
  const trouble = new RateLimitedLog(logger, clock);
  const failed = (err: AppError, remoteAddress: string): void => {
    trouble.report(err.entry.level, { err, remoteAddress }, 'rtmp connection failed');
  };
  const listener = new RtmpListener({
    clock,
    logger,
    metrics,
    gate,
    apps,
    origin: parts.origin,
    edge: parts.edge,
    forwarder: parts.forwarder,
    session,
    failed,
  });
  return new ListenerService({
    name: 'rtmp',
    clock,
    server: listener.server,
    address: config.rtmp,
    addresses,
    closeConnections: () => {
      listener.closeConnections();
    },
    cutConnections: () => {
      listener.cutConnections();
    },
  });
}

// An edge takes publishers for the origins of its cluster.
function makeForwarder(context: NodeContext, discovery: ClusterNodes): PublishForwarder {
  const { clock, logger, metrics, config } = context;
  const startMs = config.registry.leaseMs + 2 * beyondLeaseMs;
  const maxPendingBytes = forwardBacklogBytes;
  return new PublishForwarder({ discovery, clock, logger, metrics, startMs, maxPendingBytes });
}

function httpService(context: NodeContext, edge: Edge, view: RolesView): Service {
  const { clock, access, logger, metrics, gate, config, addresses } = context;
  const crossOrigin = new CrossOriginRule(config.http.corsOrigins);
  const pages = viewerPages({
    access,
    logger,
    streams: () => view.streams(),
    crossOriginHeaders: (origin) => crossOrigin.headers(origin),
  });
  const listener = new HttpListener({
    metrics,
    gate,
    apps: config.apps,
    edge,
    crossOrigin,
    fallbacks: config.http.hasPage ? [pages] : [],
    headTimeoutMs: config.limits.handshakeMs,
  });
  return new ListenerService({
    name: 'http',
    clock,
    server: listener.server,
    address: config.http,
    addresses,
    closeConnections: () => {
      listener.server.closeIdleConnections();
    },
    cutConnections: () => {
      listener.cutConnections();
    },
  });
}

function controllerService(controller: Controller): Service {
  return {
    name: 'controller',
    start: () => {
      controller.start();
      return Promise.resolve();
    },
    stop: async () => controller.stop(),
  };
}

// Viewers are ended before anything they depend on: the ports, the registry, the relay.
function viewersService(
  edge: Edge | undefined,
  relay: RelayClient,
  overload: OverloadWatch | undefined,
): Service {
  return {
    name: 'viewers',
    start: () => Promise.resolve(),
    stop: () => {
      overload?.close();
      edge?.close();
      relay.close();
      return Promise.resolve();
    },
  };
}
