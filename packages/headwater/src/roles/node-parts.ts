// Puts a node together from its roles: what is made, in which order it starts, and what it shows of itself.
import type { AppError, StreamView } from '@headwater/contracts';
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
import type { Audience } from './audience.ts';
import { ringOf } from './fan-out-settings.ts';
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
import { edgeSettingsOf, rtmpSessionOf } from './viewer-settings.ts';
import { WorkersService, type WorkersParts } from './workers-service.ts';
import { HandoverPort } from '../workers/handover-port.ts';
import { forwardingMs } from '../workers/local-times.ts';
import { workerCount } from '../workers/worker-count.ts';
import type { WorkerCrew } from '../workers/worker-crew.ts';
import type { WorkerPort } from '../workers/worker-messages.ts';

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
  const forwarder = origin === undefined && edge !== undefined ? makeForwarder(context, nodes) : undefined;
  const streams = async (): Promise<readonly StreamView[]> => view.streams();
  const workers = makeWorkers(context, { edge, origin, forwarder, overload, streams });
  const crew = workers?.crew;
  const audience = audienceOf(edge, crew);
  const overloadWatch = audience === undefined ? undefined : watchOverload(context, audience);
  const membership = new MembershipService(context, { registry, nodes, origin, audience, crew });
  const jobs = new JobsService(context, { jobs: jobRegistry, origin });
  const view = new RolesView({ context, nodes, origin, edge, crew, membership, jobs });
  const services: Service[] = [];
  // Edges of a cluster serve each other, too.
  const hasPeers = edge !== undefined && context.config.registry.redis !== undefined;
  if (origin !== undefined || hasPeers) services.push(new RelayService(context, { origin, edge }));
  if (workers !== undefined) {
    services.push(workers, handoverService(context, workers.crew, 'rtmp'));
    services.push(handoverService(context, workers.crew, 'http'));
  } else {
    if (origin !== undefined || edge !== undefined) {
      services.push(rtmpService(context, { origin, edge, forwarder }));
    }
    if (edge !== undefined) services.push(httpService(context, edge, view));
  }
  // Late, when every address is known; early to go, so that nobody is sent here any more.
  services.push(membership, jobs);
  if (roles.includes('controller') && makeController !== undefined) {
    services.push(controllerService(makeController(relay)));
  }
  services.push(viewersService({ edge, crew, relay, overload: overloadWatch }));
  const announce = async (): Promise<void> => membership.announceDrain();
  const drain = new Drain({ clock, logger, origin, audience, forwarder, announce });
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
    isAgent: workerCount(config, context.roles) > 0,
    overload,
    random: Math.random,
  });
}

function makeWorkers(
  context: NodeContext,
  { edge, ...parts }: Omit<WorkersParts, 'edge' | 'size'> & { readonly edge: Edge | undefined },
): WorkersService | undefined {
  const size = workerCount(context.config, context.roles);
  return size === 0 || edge === undefined ? undefined : new WorkersService(context, { ...parts, size, edge });
}

function audienceOf(edge: Edge | undefined, crew: WorkerCrew | undefined): Audience | undefined {
  if (crew === undefined) return edge;
  return {
    get viewers() {
      return crew.viewers;
    },
    get bytesWritten() {
      return crew.bytesWritten;
    },
    drain: () => {
      edge?.drain();
      crew.drain();
    },
  };
}

function watchOverload({ clock, config }: NodeContext, audience: Audience): OverloadWatch {
  return new OverloadWatch({ clock, limits: config.limits, bytesWritten: () => audience.bytesWritten });
}

function rtmpService(context: NodeContext, parts: RtmpParts): Service {
  const { clock, logger, metrics, gate, config, addresses } = context;
  const trouble = new RateLimitedLog(logger, clock);
  const failed = (err: AppError, remoteAddress: string): void => {
    trouble.report(err.entry.level, { err, remoteAddress }, 'rtmp connection failed');
  };
  const listener = new RtmpListener({
    clock,
    logger,
    metrics,
    gate,
    apps: config.apps,
    origin: parts.origin,
    edge: parts.edge,
    forwarder: parts.forwarder,
    session: rtmpSessionOf(config),
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
  const startMs = forwardingMs(config);
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

// The port of a node with workers. What they serve ends with them.
function handoverService(context: NodeContext, crew: WorkerCrew, name: WorkerPort): Service {
  const { clock, gate, metrics, config, addresses } = context;
  const { server } = new HandoverPort({
    port: name,
    gate,
    metrics,
    dispatch: (newcomer) => {
      crew.dispatch(newcomer);
    },
  });
  const nothing = (): void => undefined;
  return new ListenerService({
    name,
    clock,
    server,
    address: config[name],
    addresses,
    closeConnections: nothing,
    cutConnections: nothing,
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
function viewersService({
  edge,
  crew,
  relay,
  overload,
}: {
  readonly edge: Edge | undefined;
  readonly crew: WorkerCrew | undefined;
  readonly relay: RelayClient;
  readonly overload: OverloadWatch | undefined;
}): Service {
  return {
    name: 'viewers',
    start: () => Promise.resolve(),
    stop: async (deadlineMs) => {
      await crew?.stop(deadlineMs);
      overload?.close();
      edge?.close();
      relay.close();
    },
  };
}
