// The limits on connections, kept before a byte is read: of the node, and of each remote address (open at once, new
// per second), so that one peer cannot take the places of all others.
import { BlockList, isIP } from 'node:net';
import type { Clock } from '@headwater/contracts';

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

/** An admitted connection holds a pass until its end; releasing twice does nothing. */
export type GateResult =
  | { readonly admitted: true; readonly release: () => void }
  | { readonly admitted: false; readonly refusal: GateRefusal };

/** Says who may connect. */
export type Gate = Pick<ConnectionGate, 'admit'>;

/** Lets everybody in: behind a gate that others keep. */
export const openGate: Gate = { admit: () => ({ admitted: true, release: () => undefined }) };

interface AddressState {
  open: number;
  recent: number;
}

/** Admits connections or turns them away. Memory is bounded by the open connections and by those of the last second. */
export class ConnectionGate {
  readonly #options: ConnectionGateOptions;
  readonly #exempt: BlockList;
  readonly #clock: Clock;
  readonly #addresses = new Map<string, AddressState>();
  #secondEndsMs = 0;
  #open = 0;

  constructor(options: ConnectionGateOptions, clock: Clock) {
    this.#options = options;
    this.#exempt = blockListOf(options.exemptAddresses);
    this.#clock = clock;
  }

  /** All open connections. */
  get open(): number {
    return this.#open;
  }

  /** Decides on a new connection from an address as `socket.remoteAddress` gives it. */
  admit(remoteAddress: string): GateResult {
    if (this.#open >= this.#options.connections) return { admitted: false, refusal: 'node_connections' };
    const address = withoutMapping(remoteAddress);
    if (this.#isExempt(address)) return this.#pass();
    this.#startSecond();
    const state = this.#addresses.get(address) ?? { open: 0, recent: 0 };
    this.#addresses.set(address, state);
    const refusal = this.#refusalOf(state);
    if (refusal !== undefined) return { admitted: false, refusal };
    state.recent += 1;
    return this.#pass(state);
  }

  #refusalOf(state: AddressState): GateRefusal | undefined {
    if (state.open >= this.#options.connectionsPerAddress) return 'address_connections';
    return state.recent >= this.#options.newConnectionsPerAddressPerSecond ? 'address_rate' : undefined;
  }

  #pass(state?: AddressState): GateResult {
    this.#open += 1;
    if (state !== undefined) state.open += 1;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#open -= 1;
      if (state !== undefined) state.open -= 1;
    };
    return { admitted: true, release };
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

  #isExempt(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#exempt.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** `::ffff:192.0.2.1`, an IPv4 peer on a socket for both versions, is the same peer as `192.0.2.1`. */
function withoutMapping(address: string): string {
  const tail = address.startsWith('::ffff:') ? address.slice(7) : '';
  return isIP(tail) === 4 ? tail : address;
}

function blockListOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
