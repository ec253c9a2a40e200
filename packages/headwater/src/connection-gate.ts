// The limits on connections, kept before a byte is read: of the node, and of each remote address (open at once, new
// per second), so that one peer cannot take the places of all others.
import type { Clock, Counter, Metrics } from '@headwater/contracts';
import { AddressList, withoutMapping } from './address-list.ts';

/** The limits; see `limits` of the configuration. */
export interface ConnectionGateOptions {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly newConnectionsPerAddressPerSecond: number;
  /** Addresses or networks (`10.0.0.0/8`) to which the limits per address do not apply. */
  readonly exemptAddresses: readonly string[];
}

/** Why a connection was turned away; the label of the counter. */
export type GateRefusal = 'node_connections' | 'address_connections' | 'address_rate';

/** Counts connections that were turned away, by port and refusal. */
export function refusedConnections(metrics: Metrics): Counter {
  return metrics.counter({
    name: 'headwater_connections_refused_total',
    help: 'Connections turned away before a byte of theirs was read, by port and limit.',
    labels: ['port', 'limit'],
  });
}

/** An admitted connection holds a pass until its end; releasing twice does nothing. */
export type GateResult =
  | { readonly admitted: true; readonly release: () => void }
  | { readonly admitted: false; readonly refusal: GateRefusal };

/** The pass of a connection whose client is not known yet: a proxy speaks for it. */
export interface NamelessPass {
  readonly release: () => void;
  /** The client has this address; returns why it is turned away, if it is. Called once at most. */
  readonly name: (clientAddress: string) => GateRefusal | undefined;
}

interface AddressState {
  open: number;
  recent: number;
}

/** Admits connections or turns them away. Memory is bounded by the open connections and by those of the last second. */
export class ConnectionGate {
  readonly #options: ConnectionGateOptions;
  readonly #exempt: AddressList;
  readonly #clock: Clock;
  readonly #addresses = new Map<string, AddressState>();
  #secondEndsMs = 0;
  #open = 0;

  constructor(options: ConnectionGateOptions, clock: Clock) {
    this.#options = options;
    this.#exempt = new AddressList(options.exemptAddresses);
    this.#clock = clock;
  }

  /** All open connections. */
  get open(): number {
    return this.#open;
  }

  /** Decides on a new connection from an address as `socket.remoteAddress` gives it. */
  admit(remoteAddress: string): GateResult {
    const pass = this.admitNameless();
    if (pass === undefined) return { admitted: false, refusal: 'node_connections' };
    const refusal = pass.name(remoteAddress);
    if (refusal === undefined) return { admitted: true, release: pass.release };
    pass.release();
    return { admitted: false, refusal };
  }

  /** Decides on a new connection of a client that a proxy is to name; undefined when the node has no place for it. */
  admitNameless(): NamelessPass | undefined {
    if (this.#open >= this.#options.connections) return undefined;
    this.#open += 1;
    let state: AddressState | undefined;
    let isReleased = false;
    return {
      name: (clientAddress) => {
        const client = isReleased ? undefined : this.#stateOf(withoutMapping(clientAddress));
        if (client === undefined) return undefined;
        const refusal = this.#refusalOf(client);
        if (refusal !== undefined) return refusal;
        client.open += 1;
        client.recent += 1;
        state = client;
        return undefined;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#open -= 1;
        if (state !== undefined) state.open -= 1;
      },
    };
  }

  /** Undefined for addresses without limits. */
  #stateOf(address: string): AddressState | undefined {
    if (this.#exempt.has(address)) return undefined;
    this.#startSecond();
    const state = this.#addresses.get(address) ?? { open: 0, recent: 0 };
    this.#addresses.set(address, state);
    return state;
  }

  #refusalOf(state: AddressState): GateRefusal | undefined {
    if (state.open >= this.#options.connectionsPerAddress) return 'address_connections';
    return state.recent >= this.#options.newConnectionsPerAddressPerSecond ? 'address_rate' : undefined;
  }

  /** Counts anew every second, and forgets addresses that have nothing open. */
  #startSecond(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#secondEndsMs) return;
    this.#secondEndsMs = nowMs + 1000;
    for (const [address, state] of this.#addresses) {
      state.recent = 0;
      if (state.open === 0) this.#addresses.delete(address);
    }
  }
}
