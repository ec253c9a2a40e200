import type { StatusObject } from '@grpc/grpc-js';
import type { ClientCallEnd, ClientCallListener, ServerCallEnd } from './call-ends.ts';

/** Where the puller is, when it is in this process. */
export const localPeer: string = 'local';

/**
 * Both ends of a call in one process. What one end says the other hears in a microtask of its own: in order, as over a
 * connection, and never while it is saying something itself. What has not been heard counts as held back; the server writes no
 * more meanwhile.
 */
export class LocalCall implements ServerCallEnd, ClientCallEnd {
  readonly peer: string = localPeer;
  readonly #listener: ClientCallListener;
  readonly #unheard: (() => void)[] = [];
  readonly #cancelListeners: (() => void)[] = [];
  readonly #closeListeners: (() => void)[] = [];
  #isDelivering = false;
  #isCancelled = false;
  #isOver = false;

  constructor(listener: ClientCallListener) {
    this.#listener = listener;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  write(item: Buffer, sent: () => void): void {
    this.#say(() => {
      sent();
      this.#listener.item(item);
    });
  }

  end(): void {
    this.#say(() => {
      this.#close();
      this.#listener.ended();
    });
  }

  fail(status: StatusObject): void {
    this.#say(() => {
      this.#close();
      this.#listener.failed(status);
    });
  }

  onCancelled(run: () => void): void {
    this.#cancelListeners.push(run);
  }

  onClosed(run: () => void): void {
    this.#closeListeners.push(run);
  }

  cancel(): void {
    if (this.#isCancelled || this.#isOver) return;
    this.#isCancelled = true;
    this.#unheard.length = 0;
    queueMicrotask(() => {
      for (const run of this.#cancelListeners.splice(0)) run();
      this.#close();
    });
  }

  #say(what: () => void): void {
    if (this.#isCancelled) return;
    this.#unheard.push(what);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    queueMicrotask(() => {
      this.#deliver();
    });
  }

  #deliver(): void {
    for (let next = this.#unheard.shift(); next !== undefined; next = this.#unheard.shift()) next();
    this.#isDelivering = false;
  }

  #close(): void {
    this.#isOver = true;
    for (const run of this.#closeListeners.splice(0)) run();
  }
}
