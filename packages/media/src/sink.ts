/**
 * Where a subscriber's bytes go: a socket, a gRPC call. Writing is fire and forget; how far the peer is behind shows in
 * `pendingBytes` alone. A sink never throws from `write`, also when its peer is gone.
 */
export interface Sink {
  /** What was written and has not left this process yet, in bytes (or whole messages where a transport counts so). */
  readonly pendingBytes: number;
  write(bytes: Buffer): void;
}
