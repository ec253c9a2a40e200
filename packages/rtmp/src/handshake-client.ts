import type { HandshakeOptions, HandshakeProgress } from './handshake.ts';

/** The client's side of the simple handshake, from bytes split anywhere. */
export class ClientHandshake {
  constructor(options: HandshakeOptions = {}) {
    void options;
  }

  /** C0 and C1, to be sent first. */
  start(): Buffer {
    throw new Error('not implemented');
  }

  /** Throws `ProtocolError` at the first byte when it cannot be RTMP. */
  read(bytes: Buffer): HandshakeProgress {
    void bytes;
    throw new Error('not implemented');
  }
}
