// A port of a node with workers: accepts, asks the gate before a byte is read, and hands the connection over. The node has
// the port and the limits, so that both hold for all workers together.
import { createServer, type Server, type Socket } from 'node:net';
import type { Counter, Metrics } from '@headwater/contracts';
import type { AddressList } from '../address-list.ts';
import { refusedConnections, type ConnectionGate, type GateRefusal } from '../connection-gate.ts';
import type { WorkerPort } from './worker-messages.ts';
import type { Newcomer } from './worker-process.ts';

/** What a port needs. */
export interface HandoverPortOptions {
  readonly port: WorkerPort;
  readonly gate: ConnectionGate;
  readonly metrics: Metrics;
  /** Proxies that say whose connections they pass on; undefined where there are none. */
  readonly trusted: AddressList | undefined;
  readonly dispatch: (newcomer: Newcomer) => void;
}

/** One port. `server` is listened on and closed by the service that made this. */
export class HandoverPort {
  readonly server: Server;
  readonly #options: HandoverPortOptions;
  readonly #refused: Counter;

  constructor(options: HandoverPortOptions) {
    this.#options = options;
    this.#refused = refusedConnections(options.metrics);
    // Options of the socket stay with it wherever it goes.
    const keepAlive = options.port === 'rtmp';
    this.server = createServer({ noDelay: true, keepAlive, pauseOnConnect: true }, (socket) => {
      this.#accept(socket);
    });
  }

  #accept(socket: Socket): void {
    const { port, gate, trusted, dispatch } = this.#options;
    const { remoteAddress = '' } = socket;
    socket.on('error', () => socket.destroy());
    if (trusted?.has(remoteAddress) === true) {
      this.#acceptProxied(socket);
      return;
    }
    const pass = gate.admit(remoteAddress);
    if (pass.admitted) {
      dispatch({ port, socket, release: pass.release });
      return;
    }
    this.#countRefused(pass.refusal);
    socket.destroy();
  }

  // What a proxy says is read by the worker: nothing must have been read from a connection that is handed over.
  #acceptProxied(socket: Socket): void {
    const { port, gate, dispatch } = this.#options;
    const pass = gate.admitNameless();
    if (pass === undefined) {
      this.#countRefused('node_connections');
      socket.destroy();
      return;
    }
    const name = (clientAddress: string): boolean => {
      const refusal = pass.name(clientAddress);
      if (refusal !== undefined) this.#countRefused(refusal);
      return refusal === undefined;
    };
    dispatch({ port, socket, release: pass.release, name });
  }

  #countRefused(limit: GateRefusal): void {
    this.#refused.add(1, { port: this.#options.port, limit });
  }
}
