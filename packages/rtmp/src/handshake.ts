/** Bytes of C0+C1+C2, and of S0+S1+S2. */
export const handshakeBytes = 3073;

/** Where a handshake takes randomness and time from. */
export interface HandshakeOptions {
  /** Default: that of node:crypto. */
  readonly randomBytes?: (size: number) => Buffer;
  /** Milliseconds for the time fields, which nobody evaluates. Default: 0. */
  readonly nowMs?: () => number;
}

/** What reading a piece of a handshake led to. */
export interface HandshakeProgress {
  /** To be sent now. */
  readonly output?: Buffer;
  /** What follows the handshake in the bytes read; never empty. */
  readonly rest?: Buffer;
  readonly isDone: boolean;
}
