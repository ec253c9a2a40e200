// Writes small databases in MaxMind's format (MaxMind DB File Format Specification 2.0): a binary tree over the bits of
// addresses, then the records, then what the file says of itself.
import { networkBits } from '../ip-address.ts';

/** What a record may hold. */
export type MmdbValue = string | number | { readonly [key: string]: MmdbValue };

const metadataMarker = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');
const separatorBytes = 16;
const types = { utf8: 2, double: 3, uint16: 5, uint32: 6, map: 7 } as const;

/** A database of records by network, of both versions of addresses or of IPv4 alone. Networks must not be within each other. */
export function mmdb(records: Readonly<Record<string, MmdbValue>>, version: 4 | 6 = 6): Buffer {
  const tree: [number | Leaf, number | Leaf][] = [[none, none]];
  const data: Buffer[] = [];
  let dataBytes = 0;
  for (const [network, record] of Object.entries(records)) {
    plant(tree, bitsOf(network, version), { offset: dataBytes });
    const encoded = encode(record);
    data.push(encoded);
    dataBytes += encoded.length;
  }
  const nodes = tree.flat().map((to) => {
    const value =
      typeof to === 'number' ? to : to === none ? tree.length : tree.length + separatorBytes + to.offset;
    const bytes = Buffer.alloc(3);
    bytes.writeUIntBE(value, 0, 3);
    return bytes;
  });
  return Buffer.concat([
    ...nodes,
    Buffer.alloc(separatorBytes),
    ...data,
    metadataMarker,
    encode({
      binary_format_major_version: 2,
      binary_format_minor_version: 0,
      build_epoch: 1_750_000_000,
      database_type: 'Test',
      ip_version: version,
      node_count: tree.length,
      record_size: 24,
    }),
  ]);
}

interface Leaf {
  readonly offset: number;
}

const none: Leaf = { offset: -1 };

// In a tree of both IPv4 has the first 96 bits zero, unlike in mapped addresses.
function bitsOf(text: string, version: 4 | 6): string {
  const network = networkBits(text);
  if (network === undefined) throw new Error(`${text} is no network`);
  const bits = network.bits.toString(2).padStart(network.length, '0');
  if (text.includes(':')) return bits;
  return version === 4 ? bits.slice(96) : bits.slice(96).padStart(network.length, '0');
}

function plant(tree: [number | Leaf, number | Leaf][], bits: string, leaf: Leaf): void {
  let at = 0;
  for (let index = 0; index < bits.length; index++) {
    const node = tree[at];
    if (node === undefined) throw new Error('the tree is broken');
    const side = bits[index] === '0' ? 0 : 1;
    if (index === bits.length - 1) {
      node[side] = leaf;
      return;
    }
    const next = node[side];
    if (typeof next === 'number') at = next;
    else at = node[side] = tree.push([none, none]) - 1;
  }
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') return field(types.utf8, Buffer.from(value));
  if (typeof value === 'number') return encodeNumber(value);
  const entries = Object.entries(value);
  const content = entries.flatMap(([key, inner]) => [encode(key), encode(inner)]);
  return Buffer.concat([control(types.map, entries.length), ...content]);
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) {
    bytes.writeUInt32BE(value);
    return value < 65_536
      ? field(types.uint16, bytes.subarray(2, 4))
      : field(types.uint32, bytes.subarray(0, 4));
  }
  bytes.writeDoubleBE(value);
  return field(types.double, bytes);
}

function field(type: number, content: Buffer): Buffer {
  return Buffer.concat([control(type, content.length), content]);
}

function control(type: number, size: number): Buffer {
  if (size < 29) return Buffer.from([(type << 5) | size]);
  if (size >= 29 + 256) throw new Error(`${size} is too long for a test`);
  return Buffer.from([(type << 5) | 29, size - 29]);
}
