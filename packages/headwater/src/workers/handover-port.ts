// A port of a node with workers: accepts, asks the gate before a byte is read, and hands the connection over. The node has
// the port and the limits, so that both hold for all workers together.
import { createServer, type Server, type Socket } from 'node:net';
import type { Counter, Metrics } from '@headwater/contracts';
import type { Gate } from '../connection-gate.ts';
import type { WorkerPort } from './worker-messages.ts';
import type { Newcomer } from './worker-process.ts';

/** What a port needs. */
export interface HandoverPortOptions {
  readonly port: WorkerPort;
  readonly gate: Gate;
  readonly metrics: Metrics;
  readonly dispatch: (newcomer: Newcomer) => void;
}

/** One port. `server` is listened on and closed by the service that made this. */
export class HandoverPort {
  readonly server: Server;
  readonly #options: HandoverPortOptions;
  readonly #refused: Counter;

  constructor(options: HandoverPortOptions) {
    this.#options = options;
    this.#refused = options.metrics.counter({
      name: 'headwater_connections_refused_total',
      help: 'Connections turned away before a byte was read, by port and limit.',
      labels: ['port', 'limit'],
    });
    // Options of the socket stay with it wherever it goes.
    const keepAlive = options.port === 'rtmp';
    this.server = createServer({ noDelay: true, keepAlive, pauseOnConnect: true }, (socket) => {
      this.#accept(socket);
    });
  }

  #accept(socket: Socket): void {
    const { port, gate, dispatch } = this.#options;
    socket.on('error', () => socket.destroy());
    const pass = gate.admit(socket.remoteAddress ?? '');
    if (pass.admitted) {
      dispatch({ port, socket, release: pass.release });
      return;
    }
    this.#refused.add(1, { port, limit: pass.refusal });
    socket.destroy();
  }
}
