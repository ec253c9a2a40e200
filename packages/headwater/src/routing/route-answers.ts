// What a router says, as answers of HTTP. A request and its answer are plain values, so that a node whose connections are in
// other processes can be asked from there.
import { AppError, toAppError } from '@headwater/contracts';
import { problemAnswer } from '@headwater/edge';
import { parseRouteTarget, type Router, type RouteTarget, type ViewerProtocol } from '@headwater/router';

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

/** Whether a router answers a target at a port that an edge has, too, or has alone. */
export function isForRouter(target: string, hasEdge: boolean): boolean {
  const parsed = parseRouteTarget(target);
  return parsed !== undefined && (!hasEdge || parsed.kind !== 'play');
}

/** Answers for a router. */
export function routeAnswer(
  router: Router,
  request: RouteRequest,
  warn: (error: AppError) => void,
): RouteAnswer {
  try {
    const target = parseRouteTarget(request.target);
    if (target === undefined) {
      throw new AppError('stream_not_found', { details: { path: request.target.slice(0, 128) } });
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: { Allow: 'GET, HEAD, OPTIONS', 'Content-Length': '0' }, body: '' };
    }
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
    throw new AppError('stream_not_found', { details: { path: request.target.slice(0, 128) } });
  }
  return redirectTo(router, target, { request, protocol: 'ws-flv' });
}

function answerTo(router: Router, target: RouteTarget, request: RouteRequest): RouteAnswer {
  switch (target.kind) {
    case 'play':
      return redirectTo(router, target, { request, protocol: target.protocol });
    case 'route':
      return json('application/json', router.route(target, request));
    case 'steering':
      return json('application/json', router.steering(target, request));
  }
}

function redirectTo(
  router: Router,
  target: RouteTarget,
  { request, protocol }: { readonly request: RouteRequest; readonly protocol: ViewerProtocol },
): RouteAnswer {
  const Location = router.redirect(target, request, protocol);
  return { status: 302, headers: { Location, 'Cache-Control': 'no-store', 'Content-Length': '0' }, body: '' };
}

function json(type: string, value: object): RouteAnswer {
  const body = `${JSON.stringify(value)}\n`;
  const length = String(Buffer.byteLength(body));
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-store', 'Content-Length': length };
  return { status: 200, headers, body };
}
