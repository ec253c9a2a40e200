import { AppError, type Clock, type CloseReason, type Timer } from '@headwater/contracts';
import type { Sink } from '@headwater/media';
import type { ServerCallEnd } from './call-ends.ts';
import type { OpenedInfo, PulledState, PullRequest } from './pull.ts';
import { encodeEndedItem, encodeOpenedItem, encodeStateItem, splitFramesItem } from './pull-item.ts';
import type { PullCall } from './relay-source.ts';
import { statusOf } from './relay-status.ts';

/** `opening` until the source answers, `open` while it may send, `closed` from the end on. */
export type ServerPullPhase = 'opening' | 'open' | 'closed';

/** What one pull may take. */
export interface ServerPullLimits {
  /** How long the source may take to answer. */
  readonly openingMs: number;
  /** A pull with more bytes held back is ended: its source does not look at `pendingBytes`. */
  readonly maxPendingBytes: number;
  /** Bigger batches go out as several messages, so that the first of them is there sooner. */
  readonly itemBytes: number;
}

/** What a server pull is made of. */
export interface ServerPullOptions {
  readonly call: ServerCallEnd;
  readonly request: PullRequest;
  readonly clock: Clock;
  readonly limits: ServerPullLimits;
  /** Counts a message. */
  readonly onSent: (bytes: number) => void;
}

/** One `Relay.Pull` at its server. Made by `RelayServer`, answered by its `RelaySource`. */
export class ServerPull implements PullCall {
  readonly request: PullRequest;
  readonly peer: string;
  readonly sink: Sink;
  readonly #call: ServerCallEnd;
  readonly #limits: ServerPullLimits;
  readonly #onSent: (bytes: number) => void;
  readonly #openingTimer: Timer;
  readonly #closeListeners: (() => void)[] = [];
  #phase: ServerPullPhase = 'opening';
  #pendingBytes = 0;
  #sentBytes = 0;
  #sentMessages = 0;
  #result: CloseReason | AppError = 'client_closed';

  constructor(options: ServerPullOptions) {
    this.request = options.request;
    this.#call = options.call;
    this.#limits = options.limits;
    this.#onSent = options.onSent;
    this.peer = options.call.peer;
    this.sink = new PullSink(
      () => (this.isClosed ? 0 : this.#pendingBytes),
      (bytes) => {
        this.#writeFrames(bytes);
      },
    );
    this.#openingTimer = options.clock.after(options.limits.openingMs, () => {
      this.refuse(
        new AppError('upstream_unavailable', {
          details: {
            stream: this.request.stream,
            what: 'not opened in time',
            limitMs: options.limits.openingMs,
          },
        }),
      );
    });
    this.#call.onCancelled(() => {
      this.#close('client_closed');
    });
  }

  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get sentMessages(): number {
    return this.#sentMessages;
  }

  /** How it ended; meaningful once it is closed. */
  get result(): CloseReason | AppError {
    return this.#result;
  }

  opened(info: OpenedInfo): void {
    if (this.#phase !== 'opening') return;
    this.#phase = 'open';
    this.#openingTimer.cancel();
    this.#send(encodeOpenedItem(info));
  }

  state(state: PulledState): void {
    if (this.#phase === 'open') this.#send(encodeStateItem(state));
  }

  ended(reason: CloseReason): void {
    if (this.isClosed) return;
    // A client takes an end without an opening for a fault, so the stream's end is told as what it means to it.
    if (this.#phase === 'opening') {
      this.refuse(new AppError('stream_not_found', { details: { stream: this.request.stream, reason } }));
      return;
    }
    this.#send(encodeEndedItem(reason));
    this.#close(reason);
    this.#call.end();
  }

  refuse(error: AppError): void {
    if (this.isClosed) return;
    this.#close(error);
    this.#call.fail(statusOf(error));
  }

  onClosed(run: () => void): void {
    if (this.isClosed) run();
    else this.#closeListeners.push(run);
  }

  #writeFrames(bytes: Buffer): void {
    if (this.isClosed || bytes.length === 0) return;
    if (this.#phase === 'opening') {
      this.refuse(new AppError('internal', { details: { what: 'frames before the pull was opened' } }));
      return;
    }
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes.length > this.#limits.maxPendingBytes) {
      const details = { what: 'bytes held back for a puller', limitBytes: this.#limits.maxPendingBytes };
      this.refuse(new AppError('limit_reached', { details }));
      return;
    }
    for (const piece of splitFramesItem(bytes, this.#limits.itemBytes)) this.#send(piece);
  }

  #send(item: Buffer): void {
    this.#pendingBytes += item.length;
    this.#sentBytes += item.length;
    this.#sentMessages++;
    this.#onSent(item.length);
    this.#call.write(item, () => {
      this.#pendingBytes -= item.length;
    });
  }

  #close(result: CloseReason | AppError): void {
    if (this.isClosed) return;
    this.#phase = 'closed';
    this.#result = result;
    this.#openingTimer.cancel();
    for (const run of this.#closeListeners.splice(0)) run();
  }
}

class PullSink implements Sink {
  readonly #pending: () => number;
  readonly #write: (bytes: Buffer) => void;

  constructor(pending: () => number, write: (bytes: Buffer) => void) {
    this.#pending = pending;
    this.#write = write;
  }

  get pendingBytes(): number {
    return this.#pending();
  }

  write(bytes: Buffer): void {
    this.#write(bytes);
  }
}
