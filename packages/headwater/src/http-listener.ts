// The viewer port: HTTP-FLV and WebSocket-FLV, a router's answers, the public list of streams, and the built-in page for
// everything else.
import { randomUUID } from 'node:crypto';
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, isAppServed, type Clock, type Timer } from '@headwater/contracts';
import {
  cutAfterLastWords,
  parseFlvTarget,
  playHttpFlv,
  playWsFlv,
  problemAnswer,
  refuseUpgrade,
  type CrossOriginRule,
  type Edge,
  type FlvRequest,
  type HttpFlvExchange,
} from '@headwater/edge';
import { clientAddressOf, proxiedClientOf, type ProxiedClient } from './client-address.ts';
import type { RouteDesk } from './routing/route-answers.ts';
import { answerRoute, answerRouteUpgrade } from './routing/route-port.ts';

/** Answers what is not a stream, e.g. the page; false when the path is not its own. */
export type HttpFallback = (request: IncomingMessage, response: ServerResponse) => boolean;

/** What the viewer port needs. */
export interface HttpListenerOptions {
  readonly clock: Clock;
  readonly apps: readonly string[];
  /** Who has the viewers; without one they can only be sent elsewhere. */
  readonly edge: Edge | undefined;
  readonly routes?: RouteDesk | undefined;
  readonly crossOrigin: CrossOriginRule;
  readonly fallbacks: readonly HttpFallback[];
  /** From the connection to the end of a request's head. */
  readonly headTimeoutMs: number;
}

/** Listens for HTTP viewers. `server` is listened on and closed by the service that made this. */
export class HttpListener {
  readonly server: Server;
  readonly #options: HttpListenerOptions;
  readonly #streaming = new WeakSet<Duplex>();
  readonly #sockets = new Set<Duplex>();
  /** The deadlines of connections that came by a proxy. */
  readonly #heads = new WeakMap<Duplex, Timer>();

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    const { headTimeoutMs } = options;
    this.server = createServer({
      noDelay: true,
      // Health checks of load balancers speak HTTP/1.0 without one.
      requireHostHeader: false,
      maxHeaderSize: 16 * 1024,
      headersTimeout: headTimeoutMs,
      requestTimeout: headTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, headTimeoutMs / 2),
      keepAliveTimeout: 5_000,
    });
    this.server.on('connection', (socket) => {
      this.#accept(socket);
    });
    this.server.on('request', (request, response) => {
      this.#answer(request, response);
    });
    this.server.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
  }

  /** Cuts every connection. */
  cutConnections(): void {
    this.server.closeAllConnections();
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #accept(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
    });
    const proxied = proxiedClientOf(socket);
    if (proxied !== undefined) this.#awaitHead(socket, proxied);
  }

  // Node's own deadline begins when it sees the connection. What a proxy took before that counts, too.
  #awaitHead(socket: Duplex, { sinceMs }: ProxiedClient): void {
    const { clock, headTimeoutMs } = this.#options;
    const timer = clock.after(Math.max(0, sinceMs + headTimeoutMs - clock.nowMs()), () => socket.destroy());
    this.#heads.set(socket, timer);
    socket.once('close', () => {
      timer.cancel();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#heads.get(request.socket)?.cancel();
    // A stream takes its connection over; a request pipelined behind it would write into the stream.
    if (this.#streaming.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    const { edge, routes: desk, crossOrigin } = this.#options;
    if (desk?.isFor(request.url ?? '') === true) {
      void answerRoute({ desk, crossOrigin }, request, response);
      return;
    }
    const flv = edge === undefined ? undefined : parseFlvTarget(request.url ?? '');
    if (edge !== undefined && flv !== undefined) {
      if (!this.#isServed(flv)) {
        this.#refuse(request, response, unknownApp(flv, this.#options.apps));
        return;
      }
      void this.#stream(edge, { flv, request, response });
      return;
    }
    if (this.#options.fallbacks.some((fallback) => fallback(request, response))) return;
    this.#refuse(request, response, unknownPath(request));
  }

  async #stream(edge: Edge, exchange: Pick<HttpFlvExchange, 'flv' | 'request' | 'response'>): Promise<void> {
    const { socket } = exchange.request;
    const { crossOrigin } = this.#options;
    this.#streaming.add(socket);
    const [sessionId, remoteAddress] = [randomUUID(), clientAddressOf(socket)];
    const tookOver = await playHttpFlv({ ...exchange, edge, crossOrigin, sessionId, remoteAddress });
    if (!tookOver) this.#streaming.delete(socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#heads.get(socket)?.cancel();
    if (this.#streaming.has(socket)) {
      socket.destroy();
      return;
    }
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      this.#answerWithoutUpgrade(request);
      return;
    }
    const { clock, edge, routes: desk, crossOrigin, apps } = this.#options;
    if (desk?.isFor(request.url ?? '') === true) {
      void answerRouteUpgrade({ desk, crossOrigin }, request, { socket, clock });
      return;
    }
    const flv = parseFlvTarget(request.url ?? '');
    if (edge === undefined || flv === undefined || !this.#isServed(flv)) {
      socket.on('error', () => socket.destroy());
      refuseUpgrade(clock, socket, flv === undefined ? unknownPath(request) : unknownApp(flv, apps));
      return;
    }
    const [sessionId, remoteAddress] = [randomUUID(), clientAddressOf(socket)];
    void playWsFlv({ edge, crossOrigin, flv, request, socket, head, sessionId, remoteAddress });
  }

  // Whatever else somebody would rather speak (`h2c`) need not be spoken (RFC 9110, section 7.8). Node has let go of the
  // connection, so this is its last answer.
  #answerWithoutUpgrade(request: IncomingMessage): void {
    const { socket } = request;
    socket.on('error', () => socket.destroy());
    socket.once('end', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => {
      socket.end();
      cutAfterLastWords(this.#options.clock, socket);
    });
    this.#answer(request, response);
    socket.resume();
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: AppError): void {
    const { status, headers, body } = problemAnswer(error);
    response
      .writeHead(status, { ...headers, ...this.#options.crossOrigin.headers(request.headers.origin) })
      .end(body);
  }

  #isServed(flv: FlvRequest): boolean {
    return isAppServed(this.#options.apps, flv.app);
  }
}

function unknownPath(request: IncomingMessage): AppError {
  return new AppError('path_unknown', { details: { path: (request.url ?? '').slice(0, 128) } });
}

function unknownApp(flv: FlvRequest, apps: readonly string[]): AppError {
  return new AppError('app_unknown', { details: { app: flv.app.slice(0, 64), served: apps.join(' ') } });
}
