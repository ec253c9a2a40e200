// Puts a node together from its roles: what is made, in which order it starts, and what it shows of itself.
import type { StreamView } from '@headwater/contracts';
import type { Controller } from '@headwater/controller';
import type { Edge, Overload } from '@headwater/edge';
import type { RegistryStanding } from '@headwater/origin';
import { RelayClient } from '@headwater/relay';
import { loopBusyMs } from '../loop-busy.ts';
import type { NodeContext, NodeParts } from '../node-context.ts';
import type { Service } from '../service.ts';
import { workerCount } from '../workers/worker-count.ts';
import type { WorkerCrew } from '../workers/worker-crew.ts';
import { audienceOf, type Audience } from './audience.ts';
import { ClusterNodes } from './discovery.ts';
import { Drain } from './drain.ts';
import { makeEdge, makeForwarder } from './edge-part.ts';
import { JobsService } from './jobs-service.ts';
import { MembershipService } from './membership-service.ts';
import { makeOrigin } from './origin-part.ts';
import { OverloadWatch } from './overload-watch.ts';
import { handoverService, httpService, rtmpService, type RtmpParts } from './port-services.ts';
import type { RouteDesk } from '../routing/route-answers.ts';
import { makeRouter } from './router-part.ts';
import { openRegistry } from './registry.ts';
import { keepaliveOf, RelayService } from './relay-service.ts';
import { RolesView } from './roles-view.ts';
import { WorkersService, type WorkersParts } from './workers-service.ts';

/** Makes what serves RTMP. */
export type MakeRtmp = (context: NodeContext, parts: RtmpParts) => Service;

/** Makes the services of a node's roles. `makeRtmp` is where connections for RTMP come from: a port, unless told. */
export function nodeParts(context: NodeContext, makeRtmp?: MakeRtmp): NodeParts {
  const { roles, clock, logger } = context;
  const { registry, jobs: jobRegistry, reportLoss, makeController } = openRegistry(context);
  const nodes = new ClusterNodes(context, registry);
  const relay = makeRelayClient(context);
  // Asked when publishers come, and these come when everything has been made.
  const standing = (): RegistryStanding => membership.standing;
  const origin = roles.includes('origin') ? makeOrigin(context, { registry, standing }, relay) : undefined;
  const overload = (): Overload | undefined => overloadWatch?.overload ?? crew?.overload;
  const edge = roles.includes('edge')
    ? makeEdge(context, { registry, reportLoss, nodes, overload }, relay)
    : undefined;
  const forwarder = origin === undefined && edge !== undefined ? makeForwarder(context, nodes) : undefined;
  const streams = async (): Promise<readonly StreamView[]> => view.streams();
  const routing = roles.includes('router') ? makeRouter(context, nodes) : undefined;
  const routes = routing?.desk;
  const workers = makeWorkers(context, { edge, origin, forwarder, overload, streams, routes });
  const crew = workers?.crew;
  const audience = audienceOf(edge, crew);
  const overloadWatch = audience === undefined ? undefined : watchOverload(context, audience);
  const membership = new MembershipService(context, { registry, nodes, origin, audience, crew, overload });
  const jobs = new JobsService(context, { jobs: jobRegistry, origin });
  const view = new RolesView({
    context,
    nodes,
    origin,
    edge,
    crew,
    membership,
    jobs,
    router: routing?.router,
  });
  const services: Service[] = routing === undefined ? [] : [routing.service];
  // Edges of a cluster serve each other, too.
  const hasPeers = edge !== undefined && context.config.registry.redis !== undefined;
  if (origin !== undefined || hasPeers) {
    services.push(new RelayService(context, { origin, edge, client: relay }));
  }
  services.push(...viewerPorts(context, { workers, origin, edge, forwarder, routes, view, makeRtmp }));
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

interface PortParts extends RtmpParts {
  readonly workers: WorkersService | undefined;
  readonly routes: RouteDesk | undefined;
  readonly view: RolesView;
  readonly makeRtmp: MakeRtmp | undefined;
}

// A port that workers serve is theirs, with whatever comes in there.
function viewerPorts(
  context: NodeContext,
  { workers, routes, view, makeRtmp = rtmpService, ...rtmp }: PortParts,
): Service[] {
  if (workers !== undefined) {
    const { crew } = workers;
    return [workers, handoverService(context, crew, 'rtmp'), handoverService(context, crew, 'http')];
  }
  const { origin, edge } = rtmp;
  const hasRtmp = origin !== undefined || edge !== undefined;
  const hasHttp = edge !== undefined || routes !== undefined;
  return [
    ...(hasRtmp ? [makeRtmp(context, rtmp)] : []),
    ...(hasHttp ? [httpService(context, { edge, routes, view })] : []),
  ];
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

function makeWorkers(
  context: NodeContext,
  { edge, ...parts }: Omit<WorkersParts, 'edge' | 'size'> & { readonly edge: Edge | undefined },
): WorkersService | undefined {
  const size = workerCount(context.config, context.roles);
  return size === 0 || edge === undefined ? undefined : new WorkersService(context, { ...parts, size, edge });
}

function watchOverload({ clock, config }: NodeContext, audience: Audience): OverloadWatch {
  return new OverloadWatch({
    clock,
    limits: config.limits,
    bytesWritten: () => audience.bytesWritten,
    loopBusyMs,
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
    stop: () => {
      crew?.endViewers();
      overload?.close();
      edge?.close();
      relay.close();
      return Promise.resolve();
    },
  };
}
