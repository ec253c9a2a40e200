// What a router is asked for, by the target of the request: a stream under the path that it has at an edge, the choice itself
// (`/route/…`), or a steering manifest (`/steering/…`).
import { AppError, isAppServed, streamKey, type StreamKey } from '@headwater/contracts';
import { viewerProtocols, type ViewerProtocol } from './edge-url.ts';

/** A request that a router answers; the names are not checked yet. */
export interface RouteTarget {
  readonly kind: 'play' | 'route' | 'steering';
  readonly app: string;
  readonly name: string;
  /** Of `play`, by the path. */
  readonly protocol: 'flv' | 'hls';
  /** Without its question mark. */
  readonly query: string;
}

const patterns = [
  ['route', 'flv', /^\/route\/([^/?]+)\/([^/?]+)(?:\?(.*))?$/s],
  ['steering', 'hls', /^\/steering\/([^/?]+)\/([^/?]+)\.json(?:\?(.*))?$/s],
  ['play', 'flv', /^\/([^/?]+)\/([^/?]+)\.flv(?:\?(.*))?$/s],
  ['play', 'hls', /^\/([^/?]+)\/([^/?]+)\/index\.m3u8(?:\?(.*))?$/s],
] as const;

/** Reads the target of a request; undefined when it is nothing for a router. Never throws. */
export function parseRouteTarget(target: string): RouteTarget | undefined {
  for (const [kind, protocol, pattern] of patterns) {
    const match = pattern.exec(target);
    if (match === null) continue;
    const [, app = '', name = '', query = ''] = match;
    return { kind, protocol, app, name, query };
  }
  return undefined;
}

/** The stream that is asked for. Throws `stream_name_invalid` or `app_unknown`. */
export function streamOf(
  { app, name }: Pick<RouteTarget, 'app' | 'name'>,
  apps: readonly string[],
): StreamKey {
  const stream = streamKey(app, name);
  if (isAppServed(apps, app)) return stream;
  throw new AppError('app_unknown', { details: { app, served: apps.join(' ') } });
}

/** The protocol that a query names, `flv` where it names none. Throws `request_malformed`. */
export function protocolOf(query: string): ViewerProtocol {
  const named = new URLSearchParams(query).get('protocol') ?? 'flv';
  const protocol = viewerProtocols.find((known) => known === named);
  if (protocol !== undefined) return protocol;
  const details = { protocol: named.slice(0, 64), expected: viewerProtocols.join(' ') };
  throw new AppError('request_malformed', { details });
}
