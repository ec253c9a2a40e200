import { addressBits, networkBits } from './ip-address.ts';

/** Values by network; of several networks that an address is in, the smallest counts, as in a routing table. */
export class NetworkTable<Value> {
  /** From the longest prefix to the shortest. */
  readonly #byLength: { readonly shift: bigint; readonly values: ReadonlyMap<bigint, Value> }[] = [];

  /** Entries that are no networks are left out; of two for one network the first counts. */
  constructor(entries: Iterable<readonly [network: string, value: Value]>) {
    const byLength = new Map<number, Map<bigint, Value>>();
    for (const [text, value] of entries) {
      const network = networkBits(text);
      if (network === undefined) continue;
      const values = byLength.get(network.length) ?? new Map<bigint, Value>();
      if (!values.has(network.bits)) values.set(network.bits, value);
      byLength.set(network.length, values);
    }
    for (const [length, values] of [...byLength].sort(([a], [b]) => b - a)) {
      this.#byLength.push({ shift: BigInt(128 - length), values });
    }
  }

  /** The value for an address; undefined where it is in no network, or is no address. */
  find(address: string): Value | undefined {
    if (this.#byLength.length === 0) return undefined;
    const bits = addressBits(address);
    if (bits === undefined) return undefined;
    for (const { shift, values } of this.#byLength) {
      const value = values.get(bits >> shift);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
