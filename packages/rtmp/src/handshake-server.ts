import type { HandshakeOptions, HandshakeProgress } from './handshake.ts';

/** The server's side of the handshake, from bytes split anywhere. */
export class ServerHandshake {
  constructor(options: HandshakeOptions = {}) {
    void options;
  }

  /** Throws `ProtocolError` at the first byte when it cannot be RTMP. */
  read(bytes: Buffer): HandshakeProgress {
    void bytes;
    throw new Error('not implemented');
  }
}
