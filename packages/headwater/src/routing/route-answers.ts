// What a router says, as answers of HTTP. A request and its answer are plain values, so that a node whose connections are in
// other processes can be asked from there.
import { AppError, toAppError } from '@headwater/contracts';
import { problemAnswer } from '@headwater/edge';
import {
  parseRouteTarget,
  type Client,
  type Router,
  type RouteTarget,
  type ViewerProtocol,
} from '@headwater/router';
import { frontPage } from './front-page.ts';

/** A request, as far as a router looks at it. */
export interface RouteRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Whether it asks for a WebSocket. */
  readonly isUpgrade: boolean;
  readonly peer: string;
  readonly forwardedFor: string | undefined;
}

/** An answer of HTTP. */
export interface RouteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Says who answers for the router. */
export interface RouteDesk {
  /** Whether a request is for the router: all that it can answer, or only what no edge has. */
  isFor(target: string): boolean;
  /** Answers what is for the router. Never rejects. */
  answer(request: RouteRequest): RouteAnswer | Promise<RouteAnswer>;
}

// Long enough for an edge to come back or to be noticed.
const retryAfterSeconds = 3;

const frontPath = /^\/(?:\?|$)/;

/** Whether a router answers a target at a port that an edge has, too, or has alone. */
export function isForRouter(target: string, hasEdge: boolean): boolean {
  if (frontPath.test(target)) return !hasEdge;
  const parsed = parseRouteTarget(target);
  return parsed !== undefined && (!hasEdge || parsed.kind !== 'play');
}

/** Answers for a router. */
export function routeAnswer(
  router: Router,
  request: RouteRequest,
  { apps, warn }: { readonly apps: readonly string[]; readonly warn: (error: AppError) => void },
): RouteAnswer {
  try {
    const target = isFrontPage(request) ? 'front' : parseRouteTarget(request.target);
    if (target === undefined) throw unknownPath(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: { Allow: 'GET, HEAD, OPTIONS', 'Content-Length': '0' }, body: '' };
    }
    if (target === 'front') return document('text/plain; charset=utf-8', frontPage(apps));
    return request.isUpgrade ? upgradeAnswer(router, target, request) : answerTo(router, target, request);
  } catch (caught) {
    const error = toAppError(caught);
    if (error.entry.level !== 'info') warn(error);
    return failedRoute(error);
  }
}

/** The answer where there is none. */
export function failedRoute(caught: unknown): RouteAnswer {
  const { status, headers, body } = problemAnswer(toAppError(caught));
  const later = status === 503 ? { 'Retry-After': String(retryAfterSeconds) } : {};
  return { status, headers: { ...headers, ...later }, body };
}

// Programs may follow a redirect of a handshake; browsers do not, and ask at `/route/…` first.
function upgradeAnswer(router: Router, target: RouteTarget, request: RouteRequest): RouteAnswer {
  if (target.kind !== 'play' || target.protocol !== 'flv') {
    throw unknownPath(request);
  }
  return redirectTo(router, target, { request, protocol: 'ws-flv' });
}

function answerTo(router: Router, target: RouteTarget, request: RouteRequest): RouteAnswer {
  switch (target.kind) {
    case 'play':
      return redirectTo(router, target, { request, protocol: target.protocol });
    case 'route':
      return json(router.route(target, clientOf(request)));
    case 'steering':
      return json(router.steering(target, clientOf(request)));
  }
}

// Who asks with HEAD goes nowhere: health checks, and players that look first and then ask again.
function clientOf({ peer, forwardedFor, method }: RouteRequest): Client {
  return { peer, forwardedFor, isViewer: method !== 'HEAD' };
}

function redirectTo(
  router: Router,
  target: RouteTarget,
  { request, protocol }: { readonly request: RouteRequest; readonly protocol: ViewerProtocol },
): RouteAnswer {
  const Location = router.redirect(target, clientOf(request), protocol);
  return { status: 302, headers: { Location, 'Cache-Control': 'no-store', 'Content-Length': '0' }, body: '' };
}

function json(value: object): RouteAnswer {
  return document('application/json', `${JSON.stringify(value)}\n`);
}

function document(type: string, body: string): RouteAnswer {
  const headers = {
    'Content-Type': type,
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  };
  return { status: 200, headers, body };
}

function isFrontPage({ target, isUpgrade }: RouteRequest): boolean {
  return !isUpgrade && frontPath.test(target);
}

function unknownPath({ target }: RouteRequest): AppError {
  return new AppError('path_unknown', { details: { path: target.slice(0, 128) } });
}
