// The RTMP port as an origin serves it that does not have it: connections come over its channel instead of a listening socket.
import type { Socket } from 'node:net';
import type { NodeContext } from '../node-context.ts';
import { greetNamed } from '../proxy-protocol/named-client.ts';
import { ProxyGreeting } from '../proxy-protocol/proxy-greeting.ts';
import { makeRtmpListener, type RtmpParts } from '../roles/port-services.ts';
import type { RtmpListener } from '../rtmp-listener.ts';
import type { Service } from '../service.ts';

/** Serves the connections that it is handed. */
export class HandedRtmp implements Service {
  readonly name = 'rtmp';
  readonly #context: NodeContext;
  readonly #listener: RtmpListener;
  readonly #greeting: ProxyGreeting;
  readonly #sockets = new Set<Socket>();
  #isStopping = false;
  #ended: (() => void) | undefined;

  constructor(context: NodeContext, parts: RtmpParts) {
    const { clock, metrics, logger, config } = context;
    this.#context = context;
    this.#listener = makeRtmpListener(context, parts);
    const deadlineMs = config.limits.handshakeMs;
    this.#greeting = new ProxyGreeting({ port: 'rtmp', deadlineMs, clock, metrics, logger });
  }

  /** Serves a connection; nothing was read from it. Where it is a proxy's, `name` says whether its client is to be served. */
  take(socket: Socket, name?: (clientAddress: string) => Promise<boolean>): void {
    if (this.#isStopping) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#ended?.();
    });
    const { server } = this.#listener;
    const letIn = (): void => void server.emit('connection', socket);
    if (name === undefined) letIn();
    else greetNamed(this.#greeting, socket, { name, letIn });
  }

  async start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    this.#greeting.close();
    this.#listener.closeConnections();
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const cut = this.#context.clock.after(deadlineMs, () => {
        for (const socket of this.#sockets) socket.destroy();
      });
      this.#ended = () => {
        cut.cancel();
        resolve();
      };
    });
  }
}
