// Who serves streams at which address, and everybody's way there. Stands where gRPC stands.
import { AppError } from '@headwater/contracts';
import type { ProbeResult, Pull, PullHandler, PullRequest, RelaySource } from '@headwater/relay';
import type { SimulatedNetwork } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import { SimulatedPull, type RelayServing } from './relay-pull.ts';

/** What a node has of the relay; the part of `RelayClient` that nodes use. */
export interface RelayAccess {
  pull(address: string, request: Omit<PullRequest, 'nodeId'>, handler: PullHandler): Pull;
  probe(address: string, timeoutMs: number): Promise<ProbeResult>;
}

/** All relay connections. An address is the server's name and a port. */
export class SimulatedRelay {
  readonly #network: SimulatedNetwork;
  readonly #serving = new Map<string, RelayServing>();
  /** Machines that answer nothing, not even that nobody listens. */
  readonly #off = new Set<string>();
  readonly #pulls = new Set<SimulatedPull>();

  constructor(network: SimulatedNetwork) {
    this.#network = network;
    network.onCut((from, to) => {
      for (const pull of this.#pulls) if (pull.isBetween(from, to)) pull.suspect();
    });
    network.onHeal(() => {
      for (const pull of this.#pulls) pull.wake();
    });
  }

  /** A process listens from now on, in place of whoever did at that address. */
  listen(address: string, process: SimulatedProcess, source: RelaySource): void {
    this.#serving.set(address, { process, source });
    this.#off.delete(process.name);
  }

  /** Its machine is gone: nobody even refuses. */
  turnOff(name: string): void {
    this.#off.add(name);
  }

  /** It has just been frozen: its connections notice after a while. */
  froze(process: SimulatedProcess): void {
    for (const pull of this.#pulls) if (pull.isOf(process)) pull.suspect();
  }

  client(process: SimulatedProcess): RelayAccess {
    return {
      pull: (address, request, handler) =>
        this.#pull(process, address, { ...request, nodeId: process.name }, handler),
      probe: (address, timeoutMs) => this.#probe(process, address, timeoutMs),
    };
  }

  #pull(client: SimulatedProcess, address: string, request: PullRequest, handler: PullHandler): Pull {
    const pull = new SimulatedPull({
      client,
      network: this.#network,
      dial: () => this.#serving.get(address),
      serverName: nameOf(address),
      request,
      handler,
      over: (ended) => this.#pulls.delete(ended),
    });
    this.#pulls.add(pull);
    return pull;
  }

  async #probe(client: SimulatedProcess, address: string, timeoutMs: number): Promise<ProbeResult> {
    const name = nameOf(address);
    return new Promise((resolve, reject) => {
      const network = this.#network;
      const fail = (): void => {
        reject(new AppError('upstream_unavailable', { details: { address } }));
      };
      const timer = client.after(timeoutMs, fail);
      const answer = (settle: () => void): void => {
        if (network.loses(name, client.name)) return;
        client.after(network.delayMs(name, client.name), () => {
          timer.cancel();
          settle();
        });
      };
      if (network.loses(client.name, name)) return;
      client.world(network.delayMs(client.name, name), () => {
        const process = this.#serving.get(address)?.process;
        if (process === undefined || process.state === 'dead') {
          if (!this.#off.has(name)) answer(fail);
          return;
        }
        process.deliver(() => {
          const { incarnation } = process;
          answer(() => resolve({ nodeId: name, incarnation, isDraining: false }));
        });
      });
    });
  }
}

function nameOf(address: string): string {
  return address.slice(0, address.indexOf(':'));
}
