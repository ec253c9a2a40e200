// The ports at which publishers and viewers come in.
import type { Server } from 'node:net';
import type { AppError, Config } from '@headwater/contracts';
import { CrossOriginRule, type Edge, type PublishForwarder } from '@headwater/edge';
import type { Origin } from '@headwater/origin';
import { AddressList } from '../address-list.ts';
import { Entrance } from '../entrance.ts';
import { HttpListener } from '../http-listener.ts';
import { listen } from '../listen.ts';
import type { NodeContext } from '../node-context.ts';
import { viewerPages } from '../pages/viewer-pages.ts';
import { ProxyGreeting } from '../proxy-protocol/proxy-greeting.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import type { RouteDesk } from '../routing/route-answers.ts';
import { RtmpListener } from '../rtmp-listener.ts';
import type { Service } from '../service.ts';
import { HandoverPort } from '../workers/handover-port.ts';
import type { WorkerPort } from '../workers/worker-messages.ts';
import type { Newcomer } from '../workers/worker-process.ts';
import { ListenerService } from './listener-service.ts';
import type { RolesView } from './roles-view.ts';
import { rtmpSessionOf } from './viewer-settings.ts';

/** Whom RTMP clients can reach here. */
export interface RtmpParts {
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  readonly forwarder: PublishForwarder | undefined;
}

/** What serves RTMP connections, wherever they come from. */
export function makeRtmpListener(context: NodeContext, parts: RtmpParts): RtmpListener {
  const { clock, logger, metrics, config } = context;
  const trouble = new RateLimitedLog(logger, clock);
  return new RtmpListener({
    clock,
    logger,
    metrics,
    apps: config.apps,
    origin: parts.origin,
    edge: parts.edge,
    forwarder: parts.forwarder,
    session: rtmpSessionOf(config),
    failed: (err: AppError, remoteAddress) => {
      trouble.report(err.entry.level, { err, remoteAddress }, 'rtmp connection failed');
    },
  });
}

/** The RTMP port of a node that serves it itself. */
export function rtmpService(context: NodeContext, parts: RtmpParts): Service {
  const { clock, config, addresses } = context;
  const listener = makeRtmpListener(context, parts);
  const entrance = guarded(context, 'rtmp', listener.server);
  return new ListenerService({
    name: 'rtmp',
    clock,
    server: listener.server,
    address: config.rtmp,
    addresses,
    closeConnections: () => {
      entrance.close();
      listener.closeConnections();
    },
    cutConnections: () => {
      listener.cutConnections();
    },
  });
}

/** The HTTP port of a node that serves it itself. */
export function httpService(
  context: NodeContext,
  {
    edge,
    routes,
    view,
  }: { readonly edge: Edge | undefined; readonly routes: RouteDesk | undefined; readonly view: RolesView },
): Service {
  const { clock, access, logger, config, addresses } = context;
  const crossOrigin = new CrossOriginRule(config.http.corsOrigins);
  const pages = viewerPages({
    access,
    logger,
    streams: () => view.streams(),
    crossOriginHeaders: (origin) => crossOrigin.headers(origin),
  });
  // A router by itself has no streams that a page could show.
  const hasPage = config.http.hasPage && edge !== undefined;
  const listener = new HttpListener({
    clock,
    apps: config.apps,
    edge,
    routes,
    crossOrigin,
    fallbacks: hasPage ? [pages] : [],
    headTimeoutMs: config.limits.handshakeMs,
  });
  const entrance = guarded(context, 'http', listener.server);
  return new ListenerService({
    name: 'http',
    clock,
    server: listener.server,
    address: config.http,
    addresses,
    closeConnections: () => {
      entrance.close();
      listener.server.closeIdleConnections();
    },
    cutConnections: () => {
      listener.cutConnections();
    },
  });
}

/** The port of a node with workers. What they serve ends with them. */
export function handoverService(
  context: NodeContext,
  crew: { dispatch(newcomer: Newcomer): void },
  name: WorkerPort,
): Service {
  const { gate, metrics, config, addresses } = context;
  const { server } = new HandoverPort({
    port: name,
    gate,
    metrics,
    trusted: trustedProxies(config, name),
    dispatch: (newcomer) => {
      crew.dispatch(newcomer);
    },
  });
  return {
    name,
    start: async () => {
      addresses.set(name, await listen(server, config[name]));
    },
    // `close` ends the listening at once. That it is over is said when the last connection is, which is the workers' to end.
    stop: async () => {
      server.close();
      return Promise.resolve();
    },
  };
}

function guarded(context: NodeContext, port: 'rtmp' | 'http', server: Server): Entrance {
  const { clock, logger, metrics, gate, config } = context;
  const trusted = trustedProxies(config, port);
  const { handshakeMs: deadlineMs } = config.limits;
  const proxies = trusted && {
    trusted,
    greeting: new ProxyGreeting({ port, deadlineMs, clock, metrics, logger }),
  };
  const entrance = new Entrance({ port, gate, metrics, proxies });
  entrance.guard(server);
  return entrance;
}

/** Who may say at a port whose connections theirs are; undefined where nobody may. */
function trustedProxies({ proxyProtocol }: Config, port: 'rtmp' | 'http'): AddressList | undefined {
  const { trusted, ports } = proxyProtocol;
  return trusted.length === 0 || !ports.includes(port) ? undefined : new AddressList(trusted);
}
