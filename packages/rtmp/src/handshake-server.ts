// The server's side of the handshake (RTMP 1.0 §5.2): C0 and C1 are answered with S0, S1 and S2 at once.
import { randomBytes } from 'node:crypto';
import {
  findClientDigest,
  handshakePacketBytes,
  signServerAnswer,
  signServerPacket,
} from './handshake-digest.ts';
import { HandshakeReader, rtmpVersion } from './handshake-reader.ts';
import type { HandshakeOptions, HandshakeProgress } from './handshake.ts';

/** The version of the Flash Media Server that we pass for in the digest handshake; anything but 0 does. */
const serverVersion = 0x03_05_01_01;

/** The server's side of the simple and the digest handshake, from bytes split anywhere. */
export class ServerHandshake {
  readonly #randomBytes: (size: number) => Buffer;
  readonly #nowMs: () => number;
  readonly #reader: HandshakeReader = new HandshakeReader((c1) => this.#answer(c1));

  constructor(options: HandshakeOptions = {}) {
    this.#randomBytes = options.randomBytes ?? randomBytes;
    this.#nowMs = options.nowMs ?? (() => 0);
  }

  /** Throws `ProtocolError` at the first byte when it is 32 or above: text, HTTP. What C2 says is not looked at. */
  read(bytes: Buffer): HandshakeProgress {
    return this.#reader.read(bytes);
  }

  #answer(c1: Buffer): Buffer {
    const nowMs = this.#nowMs() >>> 0;
    const output = Buffer.allocUnsafeSlow(1 + 2 * handshakePacketBytes);
    output.writeUInt8(rtmpVersion);
    const s1 = output.subarray(1, 1 + handshakePacketBytes);
    const s2 = output.subarray(1 + handshakePacketBytes);
    const found = findClientDigest(c1);

    s1.writeUInt32BE(nowMs, 0);
    s1.writeUInt32BE(found === undefined ? 0 : serverVersion, 4);
    this.#randomBytes(handshakePacketBytes - 8).copy(s1, 8);
    if (found === undefined) {
      c1.copy(s2);
      s2.writeUInt32BE(nowMs, 4);
    } else {
      signServerPacket(s1, found.schema);
      this.#randomBytes(handshakePacketBytes).copy(s2);
      signServerAnswer(s2, found.digest);
    }
    return output;
  }
}
