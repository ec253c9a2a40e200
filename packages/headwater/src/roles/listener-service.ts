import type { Server } from 'node:net';
import type { Clock, ListenConfig } from '@headwater/contracts';
import type { BoundAddresses, PortName } from '../bound-addresses.ts';
import { listen } from '../listen.ts';
import type { Service } from '../service.ts';

/** A port and what happens at its end. */
export interface ListenerOptions {
  readonly name: PortName;
  readonly clock: Clock;
  readonly server: Server;
  readonly address: ListenConfig;
  readonly addresses: BoundAddresses;
  /** Ends the connections, politely; those that are left at the deadline are cut. */
  readonly closeConnections: () => void;
  /** Cuts the connections that are left. */
  readonly cutConnections: () => void;
}

/** A listening port. */
export class ListenerService implements Service {
  readonly name: PortName;
  readonly #options: ListenerOptions;

  constructor(options: ListenerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { server, address, addresses } = this.#options;
    addresses.set(this.name, await listen(server, address));
  }

  async stop(deadlineMs: number): Promise<void> {
    const { clock, server, closeConnections, cutConnections } = this.#options;
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    closeConnections();
    const cut = clock.after(deadlineMs, cutConnections);
    await closed;
    cut.cancel();
  }
}
