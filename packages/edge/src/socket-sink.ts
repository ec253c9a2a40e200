import type { Sink } from '@headwater/media';
import type { Duplex } from 'node:stream';

/** A socket as a sink. Its owner listens for errors; what comes after the socket's end is dropped. */
export class SocketSink implements Sink {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}
