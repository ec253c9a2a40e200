import type { Duplex } from 'node:stream';
import type { Clock } from '@headwater/contracts';
import type { Sink } from '@headwater/media';
import { cutAfterLastWords } from './last-words.ts';
import { SocketSink } from './socket-sink.ts';

/**
 * The connection of an HTTP viewer from its request on: whoever makes this owns the socket until it closes, or until
 * `release`. It ends in one of two ways, both idempotent.
 */
export class ViewerSocket {
  /** Media goes here, beside HTTP. */
  readonly sink: Sink;
  readonly #clock: Clock;
  readonly #socket: Duplex;
  readonly #gone = new AbortController();

  constructor(clock: Clock, socket: Duplex) {
    this.#clock = clock;
    this.#socket = socket;
    this.sink = new SocketSink(socket);
    socket.once('close', this.#leave);
    if (socket.destroyed) this.#leave();
  }

  /** Aborted when the peer is gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  /** Calls `run` once when the peer is gone; at once when it is already. */
  onGone(run: () => void): void {
    if (this.isGone) run();
    else this.#gone.signal.addEventListener('abort', run, { once: true });
  }

  /** The end, with what is owed written first; cut when the peer does not take it. */
  end(): void {
    this.#socket.end(() => this.#socket.destroy());
    this.cutSoon();
  }

  /** Somebody else said the last words: cut when the peer does not take them. */
  cutSoon(): void {
    cutAfterLastWords(this.#clock, this.#socket);
  }

  /** The end at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Gives the socket back: the request was answered, and others may follow on the connection. */
  release(): void {
    this.#socket.off('close', this.#leave);
  }

  readonly #leave = (): void => {
    this.#gone.abort();
  };
}
