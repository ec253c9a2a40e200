// The client's side of the digest handshake, written from the other end and sharing nothing with the server's, so that
// each proves the other.
import { createHmac } from 'node:crypto';

const keyTail =
  '\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae';
const mediaServer = 'Genuine Adobe Flash Media Server 001';
const flashPlayer = 'Genuine Adobe Flash Player 001';
const packetBytes = 1536;

/** C0 and C1 with a digest where schema 0 or 1 wants it. `random` fills C1: 1528 bytes. */
export function digestOpening(schema: 0 | 1, random: Buffer): Buffer {
  const c1 = Buffer.concat([Buffer.from([0, 0, 0, 0, 9, 0, 124, 2]), random.subarray(0, packetBytes - 8)]);
  const at = digestOffset(c1, schema);
  sha256(Buffer.from(flashPlayer), without(c1, at)).copy(c1, at);
  return Buffer.concat([Buffer.of(3), c1]);
}

/** What a Flash player checks in the server's answer to an opening. */
export interface DigestVerdict {
  /** At which place S1 has a valid digest. */
  readonly schema: 0 | 1 | undefined;
  /** Whether S2 proves that the server read the client's digest. */
  readonly isAnswerSigned: boolean;
}

/** Checks S0, S1 and S2 that came for an opening of `digestOpening` with the same schema. */
export function judgeDigestAnswer(opening: Buffer, schema: 0 | 1, answer: Buffer): DigestVerdict {
  const c1 = opening.subarray(1);
  const s1 = answer.subarray(1, 1 + packetBytes);
  const s2 = answer.subarray(1 + packetBytes);
  const clientDigest = c1.subarray(digestOffset(c1, schema)).subarray(0, 32);
  const key = sha256(Buffer.from(mediaServer + keyTail, 'latin1'), clientDigest);
  const signature = sha256(key, s2.subarray(0, packetBytes - 32));
  return {
    schema: ([0, 1] as const).find((candidate) => hasServerDigest(s1, candidate)),
    isAnswerSigned: signature.equals(s2.subarray(packetBytes - 32)),
  };
}

function hasServerDigest(s1: Buffer, schema: 0 | 1): boolean {
  const at = digestOffset(s1, schema);
  return sha256(Buffer.from(mediaServer), without(s1, at)).equals(s1.subarray(at, at + 32));
}

function digestOffset(packet: Buffer, schema: 0 | 1): number {
  const [a = 0, b = 0, c = 0, d = 0] = packet.subarray(schema === 0 ? 8 : 772);
  return ((a + b + c + d) % 728) + (schema === 0 ? 12 : 776);
}

function without(packet: Buffer, at: number): Buffer {
  return Buffer.concat([packet.subarray(0, at), packet.subarray(at + 32)]);
}

function sha256(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
