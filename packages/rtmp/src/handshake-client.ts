// The client's side of the simple handshake (RTMP 1.0 §5.2): C0 and C1 go out first, C2 once S1 is here.
import { randomBytes } from 'node:crypto';
import { handshakePacketBytes } from './handshake-digest.ts';
import { HandshakeReader, rtmpVersion } from './handshake-reader.ts';
import type { HandshakeOptions, HandshakeProgress } from './handshake.ts';

/** The client's side of the simple handshake, from bytes split anywhere. Every server takes part in it. */
export class ClientHandshake {
  readonly #randomBytes: (size: number) => Buffer;
  readonly #nowMs: () => number;
  readonly #reader: HandshakeReader = new HandshakeReader((s1) => this.#answer(s1));

  constructor(options: HandshakeOptions = {}) {
    this.#randomBytes = options.randomBytes ?? randomBytes;
    this.#nowMs = options.nowMs ?? (() => 0);
  }

  /** C0 and C1, to be sent first. */
  start(): Buffer {
    const output = Buffer.alloc(1 + handshakePacketBytes);
    output.writeUInt8(rtmpVersion, 0);
    output.writeUInt32BE(this.#nowMs() >>> 0, 1);
    this.#randomBytes(handshakePacketBytes - 8).copy(output, 9);
    return output;
  }

  /**
   * The handshake is done when S2 has come, whatever it says. Throws `ProtocolError` at the first byte when it is 32 or
   * above: not an RTMP server.
   */
  read(bytes: Buffer): HandshakeProgress {
    return this.#reader.read(bytes);
  }

  #answer(s1: Buffer): Buffer {
    const output = Buffer.from(s1);
    output.writeUInt32BE(this.#nowMs() >>> 0, 4);
    return output;
  }
}
