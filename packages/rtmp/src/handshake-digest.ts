// The digest ("complex") handshake. It is in no specification: Flash players and encoders look for a keyed hash hidden in
// the random part of S1 and for one at the end of S2, and refuse H.264 without them. Where the hash is hidden depends on
// four bytes of the packet, at one of two places, called schema 0 and 1.
import { createHmac } from 'node:crypto';

/** Bytes of C1, C2, S1 and S2. */
export const handshakePacketBytes = 1536;

/** Bytes of an HMAC-SHA256. */
export const digestBytes = 32;

/** Where the four bytes are that say where the digest is: at 8 or at 772. */
export type DigestSchema = 0 | 1;

const playerKey = Buffer.from('Genuine Adobe Flash Player 001');
const serverKey = Buffer.from('Genuine Adobe Flash Media Server 001');
const serverKeyTail = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const fullServerKey = Buffer.concat([serverKey, serverKeyTail]);

/** What a valid C1 carries. */
export interface FoundDigest {
  readonly schema: DigestSchema;
  readonly digest: Buffer;
}

/** Looks for the player's digest in C1; undefined when the client means the simple handshake. */
export function findClientDigest(c1: Buffer): FoundDigest | undefined {
  // The version field: 0 in the specification's own handshake.
  if (c1.readUInt32BE(4) === 0) return undefined;
  for (const schema of [0, 1] as const) {
    const digest = digestWithin(c1, schema);
    if (digestOf(c1, schema, playerKey).equals(digest)) return { schema, digest };
  }
  return undefined;
}

/** Puts the server's digest into S1, at the place that the bytes of S1 say. */
export function signServerPacket(s1: Buffer, schema: DigestSchema): void {
  digestOf(s1, schema, serverKey).copy(digestWithin(s1, schema));
}

/** Puts the answer to the client's digest into the last 32 bytes of S2. */
export function signServerAnswer(s2: Buffer, clientDigest: Buffer): void {
  const key = hmac(fullServerKey, clientDigest);
  const end = handshakePacketBytes - digestBytes;
  hmac(key, s2.subarray(0, end)).copy(s2, end);
}

function digestWithin(packet: Buffer, schema: DigestSchema): Buffer {
  const base = schema === 0 ? 8 : 772;
  let sum = 0;
  for (const byte of packet.subarray(base, base + 4)) sum += byte;
  const at = base + 4 + (sum % 728);
  return packet.subarray(at, at + digestBytes);
}

function digestOf(packet: Buffer, schema: DigestSchema, key: Buffer): Buffer {
  const hole = digestWithin(packet, schema);
  const at = hole.byteOffset - packet.byteOffset;
  return hmac(key, packet.subarray(0, at), packet.subarray(at + digestBytes));
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hash = createHmac('sha256', key);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
