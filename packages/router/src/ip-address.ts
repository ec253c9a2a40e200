// Addresses as numbers of 128 bits. An IPv4 address is the IPv6 address that it is mapped to (RFC 4291, section 2.5.5.2), so
// that one on a socket for both versions is the same as one by itself.
import { isIP } from 'node:net';

const mappedPrefix = 0xffffn << 32n;

/** The bits of an address; undefined when it is none. A scope (`%eth0`) is left out. */
export function addressBits(text: string): bigint | undefined {
  const [address = ''] = text.split('%', 1);
  const version = isIP(address);
  if (version === 4) return mappedPrefix | bitsOfIpv4(address);
  return version === 6 ? bitsOfIpv6(address) : undefined;
}

/** A network: its first bits and how many these are, of 128. Undefined when it is neither an address nor a network. */
export function networkBits(text: string): { readonly bits: bigint; readonly length: number } | undefined {
  const [address = '', prefix] = text.split('/');
  const bits = addressBits(address);
  if (bits === undefined || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return undefined;
  const offset = isIP(address) === 4 ? 96 : 0;
  const length = prefix === undefined ? 128 : offset + Number(prefix);
  return length > 128 ? undefined : { bits: bits >> BigInt(128 - length), length };
}

function bitsOfIpv4(address: string): bigint {
  return BigInt(address.split('.').reduce((bits, part) => bits * 256 + Number(part), 0));
}

function bitsOfIpv6(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  if (tail === undefined) return joined(before);
  const after = groupsOf(tail);
  const missing = new Array<bigint>(Math.max(0, 8 - before.length - after.length)).fill(0n);
  return joined([...before, ...missing, ...after]);
}

// The last 32 bits may be written as an IPv4 address.
function groupsOf(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const bits = bitsOfIpv4(group);
    return [bits >> 16n, bits & 0xffffn];
  });
}

function joined(groups: readonly bigint[]): bigint {
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}
