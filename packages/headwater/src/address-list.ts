import { BlockList, isIP } from 'node:net';

/** Addresses and networks (`192.0.2.9`, `10.0.0.0/8`), as the configuration has checked them. */
export class AddressList {
  readonly #list = new BlockList();
  /** Whether nothing is in it. */
  readonly isEmpty: boolean;

  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  /** Whether the address is one of them, or in one of them. */
  has(address: string): boolean {
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** `::ffff:192.0.2.1`, an IPv4 peer on a socket for both versions, is the same peer as `192.0.2.1`. */
export function withoutMapping(address: string): string {
  const tail = address.startsWith('::ffff:') ? address.slice(7) : '';
  return isIP(tail) === 4 ? tail : address;
}
