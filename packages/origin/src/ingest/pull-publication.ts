import type { AppError, CloseReason, StreamKey } from '@headwater/contracts';
import { splitStreamKey } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import type { PublishControl, PublishReceiver } from '@headwater/rtmp';
import type { PublishAttempt } from '../publish-attempt.ts';
import { PendingMedia } from './pending-media.ts';

/** What a publication tells its run. */
export interface PullPublicationDelegate {
  accepted(): void;
  refused(error: AppError): void;
  /** The node closed it after it was accepted. */
  closed(reason: CloseReason): void;
}

/** A pulled source as a publisher: goes through the same admission as those that come over the network. */
export class PullPublication implements PublishAttempt {
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string> = new Map();
  readonly #delegate: PullPublicationDelegate;
  readonly #pending = new PendingMedia();
  #receiver: PublishReceiver | undefined;
  #hasEnded = false;

  constructor(stream: StreamKey, delegate: PullPublicationDelegate) {
    const { app, name } = splitStreamKey(stream);
    this.app = app;
    this.name = name;
    this.#delegate = delegate;
  }

  get isAccepted(): boolean {
    return this.#receiver !== undefined;
  }

  get isCancelled(): boolean {
    return this.#hasEnded;
  }

  accept(receiver: PublishReceiver): PublishControl {
    if (this.#hasEnded) {
      receiver.ended('client_closed');
      return { close: () => undefined, requestReconnect: () => false };
    }
    this.#receiver = receiver;
    this.#pending.drain((kind, timestampMs, payload) => {
      receiver.media(kind, timestampMs, payload);
    });
    this.#delegate.accepted();
    return {
      close: (reason) => {
        if (this.end(reason)) this.#delegate.closed(reason);
      },
      // A job is moved by the controller, not by being asked.
      requestReconnect: () => false,
    };
  }

  refuse(error: AppError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#delegate.refused(error);
  }

  /** Sends one message, or keeps it until the node has decided. Returns how many were given up for it. */
  media(kind: FrameKind, timestampMs: number, payload: Buffer): number {
    if (this.#hasEnded) return 0;
    if (this.#receiver === undefined) return this.#pending.add(kind, timestampMs, payload);
    this.#receiver.media(kind, timestampMs, payload);
    return 0;
  }

  /** Ends it; false when it had ended already. */
  end(reason: CloseReason): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#receiver?.ended(reason);
    return true;
  }
}
