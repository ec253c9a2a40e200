// The RTMP port: publish and play on one listener. Each connection binds a socket to a protocol session and hands what
// the client asks for to the roles of this node.
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import {
  AppError,
  isAppServed,
  type Clock,
  type CloseReason,
  type Counter,
  type Logger,
  type Metrics,
} from '@headwater/contracts';
import { cutAfterLastWords, playRtmp, SocketSink, type Edge, type PublishForwarder } from '@headwater/edge';
import type { Origin } from '@headwater/origin';
import {
  RtmpServerSession,
  type ClientInfo,
  type PlayRequest,
  type PublishRequest,
  type RtmpServerDelegate,
  type RtmpServerLimits,
} from '@headwater/rtmp';
import { clientAddressOf, proxiedClientOf } from './client-address.ts';

/** What the RTMP port needs. A node without a role refuses what that role does. */
export interface RtmpListenerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly apps: readonly string[];
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
  /** Takes publishers where this node is no origin. */
  readonly forwarder: PublishForwarder | undefined;
  readonly session: { readonly limits: Partial<RtmpServerLimits> & Pick<RtmpServerLimits, 'connectMs'> };
  /** Only this program connects here, on behalf of the clients that it names. */
  readonly isInternal?: boolean;
  /** Told of connections that ended by a fault, the peer's or ours. */
  failed(error: AppError, remoteAddress: string): void;
}

/** Listens for RTMP. `server` is listened on and closed by the service that made this. */
export class RtmpListener {
  readonly server: Server;
  readonly #options: RtmpListenerOptions;
  readonly #connections = new Set<RtmpConnection>();
  readonly #sockets = new Set<Socket>();
  readonly #ends: Counter;

  constructor(options: RtmpListenerOptions) {
    this.#options = options;
    this.#ends = options.metrics.counter({
      name: 'headwater_rtmp_connections_closed_total',
      help: 'RTMP connections that ended, by reason.',
      labels: ['reason'],
    });
    // Many small writes in the dialogue: Nagle would hold each until the peer's delayed acknowledgement.
    this.server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      this.#accept(socket);
    });
  }

  /** Closes every connection, politely. */
  closeConnections(): void {
    for (const connection of [...this.#connections]) connection.close('shutdown');
  }

  /** Closes every connection without waiting for what it still has to say. */
  cutConnections(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const connection = new RtmpConnection(socket, this.#options, (reason) => {
      this.#connections.delete(connection);
      this.#ends.add(1, { reason });
    });
    this.#connections.add(connection);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
    });
  }
}

/** One socket and its session. The session decides when it is over; the socket follows. */
class RtmpConnection implements RtmpServerDelegate {
  readonly #socket: Socket;
  readonly #options: RtmpListenerOptions;
  readonly #session: RtmpServerSession;
  readonly #connectionId = randomUUID();
  readonly #remoteAddress: string;
  readonly #ended: (reason: CloseReason) => void;
  #sessions = 0;

  constructor(socket: Socket, options: RtmpListenerOptions, ended: (reason: CloseReason) => void) {
    this.#socket = socket;
    this.#options = options;
    this.#ended = ended;
    this.#remoteAddress = clientAddressOf(socket);
    const session = new RtmpServerSession({
      limits: limitsOf(socket, options),
      clock: options.clock,
      logger: options.logger.child({ connectionId: this.#connectionId, remoteAddress: this.#remoteAddress }),
      delegate: this,
      output: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      pendingBytes: () => socket.writableLength,
    });
    this.#session = session;
    socket.on('data', (bytes) => {
      session.read(bytes);
    });
    socket.once('close', () => {
      session.transportClosed();
    });
  }

  close(reason: CloseReason): void {
    this.#session.close(reason);
  }

  connect(client: ClientInfo): AppError | undefined {
    const { apps } = this.#options;
    if (isAppServed(apps, client.app)) return undefined;
    return new AppError('app_unknown', { details: { app: client.app.slice(0, 64), served: apps.join(' ') } });
  }

  publish(request: PublishRequest): void {
    const { origin, forwarder } = this.#options;
    const context = this.#contextOf(request);
    if (origin !== undefined) void origin.publish(request, context);
    else if (forwarder !== undefined) void forwarder.forward(request, context);
    else request.refuse(new AppError('role_missing', { details: { role: 'origin' } }));
  }

  play(request: PlayRequest): void {
    const { edge } = this.#options;
    if (edge === undefined) {
      request.refuse(new AppError('role_missing', { details: { role: 'edge' } }));
      return;
    }
    void playRtmp(edge, request, {
      context: this.#context(),
      sink: new SocketSink(this.#socket),
      destroy: () => this.#socket.destroy(),
    });
  }

  closed(reason: CloseReason, error?: AppError): void {
    this.#ended(reason);
    if (error !== undefined) this.#options.failed(error, this.#remoteAddress);
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.end();
    cutAfterLastWords(this.#options.clock, socket);
  }

  #contextOf({ client }: PublishRequest): { sessionId: string; protocol: 'rtmp'; remoteAddress: string } {
    const { isInternal = false } = this.#options;
    if (!isInternal || client.forwardedClient === undefined) return this.#context();
    const { sessionId, address: remoteAddress } = client.forwardedClient;
    return { sessionId, protocol: 'rtmp', remoteAddress };
  }

  // One connection may carry several streams: each is a session of its own.
  #context(): { sessionId: string; protocol: 'rtmp'; remoteAddress: string } {
    this.#sessions++;
    const sessionId =
      this.#sessions === 1 ? this.#connectionId : `${this.#connectionId}.${String(this.#sessions)}`;
    return { sessionId, protocol: 'rtmp', remoteAddress: this.#remoteAddress };
  }
}

// What a proxy took to say whose connection it is was taken of the time for the handshake.
function limitsOf(
  socket: Socket,
  { clock, session }: RtmpListenerOptions,
): RtmpListenerOptions['session']['limits'] {
  const proxied = proxiedClientOf(socket);
  if (proxied === undefined) return session.limits;
  const takenMs = clock.nowMs() - proxied.sinceMs;
  return { ...session.limits, connectMs: Math.max(1, session.limits.connectMs - takenMs) };
}
