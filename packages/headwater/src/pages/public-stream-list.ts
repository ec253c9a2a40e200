// `GET /api/streams` on the viewers' port: what is live and may be played by whoever asks.
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  parseStreamKey,
  splitStreamKey,
  type AccessPolicy,
  type PublicStreamList,
  type StreamView,
} from '@headwater/contracts';
import { clientAddressOf } from '../client-address.ts';

const path = '/api/streams';
const maxStreams = 1000;

/** What the list is made of. */
export interface PublicStreamListOptions {
  readonly access: AccessPolicy;
  streams(): readonly StreamView[] | Promise<readonly StreamView[]>;
  /** The CORS headers for a page of that origin. */
  crossOriginHeaders(origin: string | undefined): Readonly<Record<string, string>>;
}

/** Answers the list; false for other paths. A `token` in the query counts as it does for playing. */
export function answerPublicStreamList(
  options: PublicStreamListOptions,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const [asked = '', query = ''] = (request.url ?? '').split('?', 2);
  if (asked !== path) return false;
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': 0 }).end();
    return true;
  }
  const params = new Map(new URLSearchParams(query));
  void listFor(options, { params, remoteAddress: clientAddressOf(request.socket) }).then((list) => {
    const body = Buffer.from(`${JSON.stringify(list)}\n`);
    response.writeHead(200, {
      ...options.crossOriginHeaders(request.headers.origin),
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Content-Length': body.length,
    });
    response.end(method === 'HEAD' ? undefined : body);
  });
  return true;
}

async function listFor(
  options: PublicStreamListOptions,
  viewer: { readonly params: ReadonlyMap<string, string>; readonly remoteAddress: string },
): Promise<PublicStreamList> {
  const streams = await options.streams();
  const live = streams.filter((stream) => stream.state !== 'waiting');
  const listed = await Promise.all(
    live.slice(0, maxStreams).map(async (stream) => {
      const key = parseStreamKey(stream.key);
      const request = { action: 'play', stream: key, protocol: 'http-flv', ...viewer } as const;
      const isAllowed = await options.access.decide(request).then(
        (decision) => decision.allowed,
        () => false,
      );
      return isAllowed ? [{ ...splitStreamKey(key), ...shownOf(stream) }] : [];
    }),
  );
  return { streams: listed.flat() };
}

function shownOf(stream: StreamView): { since: string; viewers: number; codecs: string[] } {
  const viewers = Object.values(stream.viewers).reduce((sum, count) => sum + count, 0);
  return { since: stream.since, viewers, codecs: [...stream.codecs] };
}
