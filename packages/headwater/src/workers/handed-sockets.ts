// The connections that a process is handed over its channel. It has no port that would know which there are.
import type { Server, Socket } from 'node:net';
import type { Clock } from '@headwater/contracts';
import { greetNamed } from '../proxy-protocol/named-client.ts';
import type { ProxyGreeting } from '../proxy-protocol/proxy-greeting.ts';

/** Who serves a connection. */
export interface HandedConnection {
  readonly server: Pick<Server, 'emit'>;
  readonly greeting: ProxyGreeting;
  /** Where it is a proxy's: says whether its client is to be served. */
  readonly name?: ((clientAddress: string) => Promise<boolean>) | undefined;
}

/** Serves connections until it is ended. */
export class HandedSockets {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #sockets = new Set<Socket>();
  #isEnding = false;
  #allClosed: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Gives a connection, of which nothing was read, to its server. */
  serve(socket: Socket, { server, greeting, name }: HandedConnection): void {
    if (this.#isEnding) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#allClosed?.();
    });
    const letIn = (): void => void server.emit('connection', socket);
    if (name === undefined) letIn();
    else greetNamed(greeting, socket, { name, letIn });
  }

  /** Takes none from now on, and resolves when all are closed; those that are not at the deadline are cut. */
  async end(deadlineMs: number): Promise<void> {
    this.#isEnding = true;
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const cut = this.#clock.after(deadlineMs, () => {
        for (const socket of this.#sockets) socket.destroy();
      });
      this.#allClosed = () => {
        cut.cancel();
        resolve();
      };
    });
  }
}
