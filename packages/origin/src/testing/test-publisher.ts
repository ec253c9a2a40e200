import type { AppError, CloseReason } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import type { PublishControl, PublishReceiver } from '@headwater/rtmp';
import type { PublishAttempt } from '../publish-attempt.ts';

/** A publisher without a protocol: offers an attempt, then sends what a test wants. */
export class TestPublisher implements PublishAttempt {
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  isCancelled = false;
  refusedWith: AppError | undefined;
  /** Why the node closed it. */
  closedFor: CloseReason | undefined;
  reconnectRequests = 0;
  #receiver: PublishReceiver | undefined;

  constructor(key: string, params: Readonly<Record<string, string>> = {}) {
    const [app = '', name = ''] = key.split('/');
    this.app = app;
    this.name = name;
    this.params = new Map(Object.entries(params));
  }

  get isAccepted(): boolean {
    return this.#receiver !== undefined;
  }

  accept(receiver: PublishReceiver): PublishControl {
    if (this.isCancelled) {
      receiver.ended('client_closed');
      return { close: () => undefined, requestReconnect: () => false };
    }
    this.#receiver = receiver;
    return {
      close: (reason) => {
        this.closedFor = reason;
        receiver.ended(reason);
      },
      requestReconnect: () => {
        this.reconnectRequests++;
        return true;
      },
    };
  }

  refuse(error: AppError): void {
    this.refusedWith = error;
  }

  /** Sends one message. */
  send(kind: FrameKind, timestampMs: number, payload: Buffer): void {
    this.#receiver?.media(kind, timestampMs, payload);
  }

  /** Goes away: `unpublished` by saying so, `client_closed` by losing the connection. */
  leave(reason: CloseReason): void {
    this.#receiver?.ended(reason);
  }
}
