// A router's answers on the viewers' port.
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@headwater/contracts';
import { cutAfterLastWords, type CrossOriginRule } from '@headwater/edge';
import { clientAddressOf } from '../client-address.ts';
import type { RouteAnswer, RouteDesk, RouteRequest } from './route-answers.ts';

/** Who answers, and whose pages may read it. */
export interface RoutePort {
  readonly desk: RouteDesk;
  readonly crossOrigin: CrossOriginRule;
}

/** Answers a request that is for the router. Never rejects. */
export async function answerRoute(
  port: RoutePort,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await answerTo(port, request, false);
  if (response.destroyed) return;
  response.writeHead(status, headers).end(body);
}

/** Answers a request to upgrade that is for the router, as plain HTTP, and closes the connection. Never rejects. */
export async function answerRouteUpgrade(
  port: RoutePort,
  request: IncomingMessage,
  { socket, clock }: { readonly socket: Duplex; readonly clock: Clock },
): Promise<void> {
  socket.on('error', () => socket.destroy());
  const { status, headers, body } = await answerTo(port, request, true);
  if (socket.destroyed) return;
  const all = { ...headers, Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
  cutAfterLastWords(clock, socket);
  socket.resume();
}

async function answerTo(
  { desk, crossOrigin }: RoutePort,
  request: IncomingMessage,
  isUpgrade: boolean,
): Promise<RouteAnswer> {
  const { method, headers: asked } = request;
  if (method === 'OPTIONS' && !isUpgrade) {
    return { status: 204, headers: crossOrigin.preflightHeaders(asked.origin), body: '' };
  }
  const { status, headers, body } = await desk.answer(routeRequestOf(request, isUpgrade));
  const all = { ...headers, ...crossOrigin.headers(asked.origin) };
  return { status, headers: all, body: method === 'HEAD' ? '' : body };
}

function routeRequestOf(request: IncomingMessage, isUpgrade: boolean): RouteRequest {
  const forwardedFor = request.headers['x-forwarded-for'];
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    isUpgrade,
    peer: clientAddressOf(request.socket),
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
  };
}
