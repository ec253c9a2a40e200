// The way into a port, before the protocol sees a connection: the limits are asked, for the client that a trusted proxy names
// or for the peer itself.
import type { Server, Socket } from 'node:net';
import type { Counter, Metrics } from '@headwater/contracts';
import type { AddressList } from './address-list.ts';
import { refusedConnections, type ConnectionGate, type GateRefusal } from './connection-gate.ts';
import type { ProxyGreeting } from './proxy-protocol/proxy-greeting.ts';

/** Proxies in front of a port. */
export interface PortProxies {
  readonly trusted: AddressList;
  readonly greeting: ProxyGreeting;
}

/** What an entrance needs. */
export interface EntranceOptions {
  readonly port: string;
  readonly gate: ConnectionGate;
  readonly metrics: Metrics;
  /** Undefined where nobody is trusted to speak for others. */
  readonly proxies: PortProxies | undefined;
}

/** Lets connections in, or turns them away. */
export class Entrance {
  readonly #options: EntranceOptions;
  readonly #refused: Counter;

  constructor(options: EntranceOptions) {
    this.#options = options;
    this.#refused = refusedConnections(options.metrics);
  }

  /** From now on the server sees only the connections that were let in. Its own listeners must be there already. */
  guard(server: Server): void {
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#meet(socket, () => {
        for (const listener of listeners) listener.call(server, socket);
      });
    });
  }

  /** Cuts the connections that are not let in yet. */
  close(): void {
    this.#options.proxies?.greeting.close();
  }

  #meet(socket: Socket, letIn: () => void): void {
    const { gate, proxies } = this.#options;
    const remoteAddress = socket.remoteAddress ?? '';
    if (proxies?.trusted.has(remoteAddress) === true) {
      this.#meetProxy(socket, proxies, letIn);
      return;
    }
    const pass = gate.admit(remoteAddress);
    if (!pass.admitted) {
      this.#turnAway(socket, pass.refusal);
      return;
    }
    socket.once('close', pass.release);
    letIn();
  }

  #meetProxy(socket: Socket, { greeting }: PortProxies, letIn: () => void): void {
    const pass = this.#options.gate.admitNameless();
    if (pass === undefined) {
      this.#turnAway(socket, 'node_connections');
      return;
    }
    socket.once('close', pass.release);
    greeting.greet(socket, (clientAddress) => {
      const refusal = pass.name(clientAddress);
      if (refusal !== undefined) {
        this.#turnAway(socket, refusal);
        return;
      }
      letIn();
      socket.resume();
    });
  }

  #turnAway(socket: Socket, limit: GateRefusal): void {
    this.#refused.add(1, { port: this.#options.port, limit });
    socket.destroy();
  }
}
