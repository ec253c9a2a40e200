import type { AppError, Timer } from '@headwater/contracts';
import { GeoDatabase, Router, ViewerLocator } from '@headwater/router';
import type { NodeContext } from '../node-context.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { isForRouter, routeAnswer, type RouteDesk } from '../routing/route-answers.ts';
import type { Service } from '../service.ts';
import type { ClusterNodes } from './discovery.ts';

// As often as nodes are read.
const refreshMs = 2_000;

/** A router and what it needs to run. */
export interface RouterPart {
  readonly router: Router;
  readonly desk: RouteDesk;
  readonly service: Service;
}

/** Makes the router of a node. */
export function makeRouter(context: NodeContext, nodes: ClusterNodes): RouterPart {
  const { clock, logger, metrics, config, roles } = context;
  const { networks, geoDatabase, trustedProxies, rules, steeringTtlMs } = config.router;
  const { zone, region } = config.node;
  const home = { zone, region };
  const database =
    geoDatabase === undefined ? undefined : new GeoDatabase({ path: geoDatabase, clock, logger, metrics });
  const locator = new ViewerLocator({ metrics, networks, trustedProxies, database, home });
  const router = new Router({
    clock,
    metrics,
    locator,
    home,
    rules,
    steeringTtlMs,
    apps: config.apps,
    nodes: () => nodes.nodes(),
    roundTripMs: (from, to) => nodes.roundTripMs(from, to),
  });
  const trouble = new RateLimitedLog(logger, clock);
  const warn = (err: AppError): void => {
    trouble.report(err.entry.level, { err }, 'viewer was sent to no edge');
  };
  let refreshing: Timer | undefined;
  const hasEdge = roles.includes('edge');
  return {
    router,
    desk: {
      isFor: (target) => isForRouter(target, hasEdge),
      answer: (request) => routeAnswer(router, request, { apps: config.apps, warn }),
    },
    service: {
      name: 'router',
      start: async () => {
        await database?.open();
        refreshing = clock.every(refreshMs, () => router.refresh());
      },
      stop: async () => {
        refreshing?.cancel();
        database?.close();
        return Promise.resolve();
      },
    },
  };
}
