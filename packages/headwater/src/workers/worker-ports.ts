// The two ports of a node as a worker serves them: connections come over its channel instead of a listening socket.
import type { AppError, StreamView } from '@headwater/contracts';
import { CrossOriginRule, type Edge } from '@headwater/edge';
import { HttpListener } from '../http-listener.ts';
import { viewerPages } from '../pages/viewer-pages.ts';
import { ProxyGreeting } from '../proxy-protocol/proxy-greeting.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { rtmpSessionOf } from '../roles/viewer-settings.ts';
import { failedRoute, isForRouter, type RouteDesk } from '../routing/route-answers.ts';
import { RtmpListener } from '../rtmp-listener.ts';
import { makeWorkerForwarder, type WorkerTools } from './worker-edge.ts';
import type { WorkerPort } from './worker-messages.ts';

/** RTMP. */
export function makeWorkerRtmp(tools: WorkerTools, edge: Edge): RtmpListener {
  const { setup, clock, logger, metrics } = tools;
  const trouble = new RateLimitedLog(logger, clock);
  return new RtmpListener({
    clock,
    logger,
    metrics,
    apps: setup.config.apps,
    origin: undefined,
    edge,
    forwarder: makeWorkerForwarder(tools),
    session: rtmpSessionOf(setup.config),
    failed: (err: AppError, remoteAddress) => {
      trouble.report(err.entry.level, { err, remoteAddress }, 'rtmp connection failed');
    },
  });
}

/** HTTP. */
export function makeWorkerHttp(tools: WorkerTools, edge: Edge): HttpListener {
  const { setup, clock, logger, access, link } = tools;
  const { config, isRouter } = setup;
  const crossOrigin = new CrossOriginRule(config.http.corsOrigins);
  const pages = viewerPages({
    access,
    logger,
    streams: shared(async () => link.ask('streams', undefined).catch(() => [])),
    crossOriginHeaders: (origin) => crossOrigin.headers(origin),
  });
  const routes: RouteDesk = {
    isFor: (target) => isForRouter(target, true),
    answer: async (request) => link.ask('route', request).catch(failedRoute),
  };
  return new HttpListener({
    clock,
    apps: config.apps,
    edge,
    routes: isRouter ? routes : undefined,
    crossOrigin,
    fallbacks: config.http.hasPage ? [pages] : [],
    headTimeoutMs: config.limits.handshakeMs,
  });
}

/** Reads what proxies say about their connections. */
export function makeWorkerGreetings(tools: WorkerTools): Readonly<Record<WorkerPort, ProxyGreeting>> {
  const { setup, clock, logger, metrics } = tools;
  const greeting = (port: WorkerPort): ProxyGreeting =>
    new ProxyGreeting({ port, deadlineMs: setup.config.limits.handshakeMs, clock, metrics, logger });
  return { rtmp: greeting('rtmp'), http: greeting('http') };
}

// The node asks all workers for this answer. Who asks while it is on its way gets the same one.
function shared(ask: () => Promise<readonly StreamView[]>): () => Promise<readonly StreamView[]> {
  let asking: Promise<readonly StreamView[]> | undefined;
  return async () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}
