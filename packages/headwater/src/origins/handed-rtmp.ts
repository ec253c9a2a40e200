// The RTMP port as an origin serves it that does not have it: connections come over its channel instead of a listening socket.
import type { Socket } from 'node:net';
import type { NodeContext } from '../node-context.ts';
import { ProxyGreeting } from '../proxy-protocol/proxy-greeting.ts';
import { makeRtmpListener, type RtmpParts } from '../roles/port-services.ts';
import type { RtmpListener } from '../rtmp-listener.ts';
import type { Service } from '../service.ts';
import { HandedSockets } from '../workers/handed-sockets.ts';

/** Serves the connections that it is handed. */
export class HandedRtmp implements Service {
  readonly name = 'rtmp';
  readonly #listener: RtmpListener;
  readonly #greeting: ProxyGreeting;
  readonly #sockets: HandedSockets;

  constructor(context: NodeContext, parts: RtmpParts) {
    const { clock, metrics, logger, config } = context;
    this.#listener = makeRtmpListener(context, parts);
    const deadlineMs = config.limits.handshakeMs;
    this.#greeting = new ProxyGreeting({ port: 'rtmp', deadlineMs, clock, metrics, logger });
    this.#sockets = new HandedSockets(clock);
  }

  /** Serves a connection; nothing was read from it. Where it is a proxy's, `name` says whether its client is to be served. */
  take(socket: Socket, name?: (clientAddress: string) => Promise<boolean>): void {
    this.#sockets.serve(socket, { server: this.#listener.server, greeting: this.#greeting, name });
  }

  async start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#greeting.close();
    this.#listener.closeConnections();
    await this.#sockets.end(deadlineMs);
  }
}
