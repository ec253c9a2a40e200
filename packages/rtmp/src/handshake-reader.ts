import { ProtocolError } from '@headwater/contracts';
import { handshakePacketBytes } from './handshake-digest.ts';
import type { HandshakeProgress } from './handshake.ts';

/** The version that we speak: C0 and S0. */
export const rtmpVersion = 3;

// A TLS client on the plain port would otherwise wait for its deadline (RFC 8446 section 5.1).
const tlsHandshakeRecord = 22;

const openingBytes = 1 + handshakePacketBytes;
const allBytes = openingBytes + handshakePacketBytes;

/**
 * What both sides have in common: version and first packet of the peer are collected and answered, its second packet is
 * counted off without a look, since what peers send there varies. Holds at most 1537 bytes.
 */
export class HandshakeReader {
  readonly #answer: (packet: Buffer) => Buffer;
  #opening: Buffer | undefined;
  #receivedBytes = 0;

  /** `answer` gets C1 or S1 and returns what is to be sent then. */
  constructor(answer: (packet: Buffer) => Buffer) {
    this.#answer = answer;
  }

  /** Throws `ProtocolError` at a first byte that no RTMP peer sends: text and HTTP (32 and above), TLS (22). */
  read(bytes: Buffer): HandshakeProgress {
    let offset = 0;
    let output: Buffer | undefined;
    if (this.#receivedBytes < openingBytes) {
      offset = this.#collect(bytes);
      if (this.#receivedBytes === openingBytes && this.#opening !== undefined) {
        output = this.#answer(this.#opening.subarray(1));
        this.#opening = undefined;
      }
    }
    const skipped = Math.min(allBytes - this.#receivedBytes, bytes.length - offset);
    this.#receivedBytes += skipped;
    offset += skipped;
    return {
      ...(output === undefined ? {} : { output }),
      ...(offset === bytes.length ? {} : { rest: bytes.subarray(offset) }),
      isDone: this.#receivedBytes === allBytes,
    };
  }

  #collect(bytes: Buffer): number {
    if (bytes.length > 0 && this.#receivedBytes === 0) {
      const version = bytes.readUInt8(0);
      if (version >= 32 || version === tlsHandshakeRecord) {
        throw new ProtocolError('not an RTMP handshake', 0, { version });
      }
    }
    this.#opening ??= Buffer.alloc(openingBytes);
    const taken = bytes.copy(this.#opening, this.#receivedBytes);
    this.#receivedBytes += taken;
    return taken;
  }
}
