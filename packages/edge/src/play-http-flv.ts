// HTTP-FLV viewers. After the header the response leaves node:http: `Connection: close`, no chunked coding, shared
// buffers straight to the socket.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toAppError } from '@headwater/contracts';
import { flvFormat } from '@headwater/media';
import type { CrossOriginRule } from './cross-origin.ts';
import type { Edge } from './edge.ts';
import type { FlvRequest } from './flv-request.ts';
import { problemAnswer } from './problem.ts';
import { ViewerSocket } from './viewer-socket.ts';
import type { ViewerContext } from './viewer.ts';

const flvHeaders = {
  'Content-Type': 'video/x-flv',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
  Connection: 'close',
} as const;

/** One HTTP request for a stream. */
export interface HttpFlvExchange {
  readonly edge: Edge;
  readonly crossOrigin: CrossOriginRule;
  readonly flv: FlvRequest;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly sessionId: string;
  /** The client's, which may be another one than the peer's. */
  readonly remoteAddress: string;
}

/** Answers GET with the stream, HEAD and OPTIONS as HTTP wants. True when the stream took the connection over. Never rejects. */
export async function playHttpFlv(exchange: HttpFlvExchange): Promise<boolean> {
  const { request, response, crossOrigin } = exchange;
  const { origin } = request.headers;
  const context: ViewerContext = {
    sessionId: exchange.sessionId,
    protocol: 'http-flv',
    remoteAddress: exchange.remoteAddress,
  };
  try {
    if (request.method === 'OPTIONS') {
      response.writeHead(204, crossOrigin.preflightHeaders(origin)).end();
    } else if (request.method === 'HEAD') {
      await check(exchange, context);
      response.writeHead(200, { ...flvHeaders, ...crossOrigin.headers(origin) }).end();
    } else if (request.method === 'GET') {
      await stream(exchange, context);
      return true;
    } else {
      response
        .writeHead(405, {
          ...crossOrigin.headers(origin),
          Allow: 'GET, HEAD, OPTIONS',
          'Content-Length': '0',
        })
        .end();
    }
  } catch (caught) {
    const { status, headers, body } = problemAnswer(toAppError(caught));
    if (!response.destroyed) {
      response
        .writeHead(status, { ...headers, ...crossOrigin.headers(origin) })
        .end(request.method === 'HEAD' ? undefined : body);
    }
  }
  return false;
}

async function check({ edge, flv, request }: HttpFlvExchange, context: ViewerContext): Promise<void> {
  const socket = new ViewerSocket(edge.clock, request.socket);
  await edge.check({ ...flv, context, signal: socket.signal }).finally(() => {
    socket.release();
  });
}

async function stream(exchange: HttpFlvExchange, context: ViewerContext): Promise<void> {
  const { edge, flv, request } = exchange;
  const socket = new ViewerSocket(edge.clock, request.socket);
  const viewer = await edge.admit({ ...flv, context, signal: socket.signal }).catch((refusal: unknown) => {
    // It is answered on a connection that may stay for other requests.
    socket.release();
    throw refusal;
  });
  viewer.onEnded = (reason) => {
    if (reason === 'slow_viewer') socket.destroy();
    else socket.end();
  };
  socket.onGone(() => {
    viewer.close('client_closed');
  });
  if (socket.isGone) return;
  leaveHttp(exchange);
  viewer.deliver({ format: flvFormat, sink: socket.sink, from: 'keyframe' });
}

function leaveHttp({ request, crossOrigin }: HttpFlvExchange): void {
  const headers = { ...flvHeaders, ...crossOrigin.headers(request.headers.origin) };
  // A response of HTTP/1.1 without length ends with its connection (RFC 9112 section 6.3).
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  request.socket.write(`HTTP/1.1 200 OK\r\n${lines.join('')}\r\n`);
  // Whatever else comes on this connection was not asked for in order: more than a little of it ends the viewer.
  request.resume();
}
