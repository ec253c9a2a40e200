// One publish, from the client's request to its end.
import type { AppError, CloseReason } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import { endDetails, refusalDetails } from './forwarding.ts';
import type { ClientInfo, PublishControl, PublishReceiver, PublishRequest } from './server-delegate.ts';
import { Watchdog } from './session-watch.ts';
import { publishEnd, publishRefusal, statusObject } from './status.ts';
import type { StreamHost } from './stream-host.ts';
import { streamTarget } from './tc-url.ts';

/** The message stream that a publication is on. */
export interface PublicationOwner {
  readonly id: number;
  /** The node said yes, or no. */
  answered(isAccepted: boolean): void;
}

/** The request as the node sees it, and the accepted publish as the session sees it. */
export class Publication implements PublishRequest {
  readonly client: ClientInfo;
  readonly app: string;
  readonly name: string;
  readonly params: ReadonlyMap<string, string>;
  readonly #host: StreamHost;
  readonly #owner: PublicationOwner;
  #receiver: PublishReceiver | undefined;
  #silence: Watchdog | undefined;
  #isOver = false;

  constructor(host: StreamHost, owner: PublicationOwner, nameAndQuery: string) {
    this.#host = host;
    this.#owner = owner;
    this.client = host.client;
    this.app = host.client.app;
    ({ name: this.name, params: this.params } = streamTarget(nameAndQuery, host.params));
  }

  get isCancelled(): boolean {
    return this.#isOver && this.#receiver === undefined;
  }

  accept(receiver: PublishReceiver): PublishControl {
    if (this.#isOver || this.#receiver !== undefined) {
      // Too late. The receiver is told as any other, so that it lets go of what it holds.
      receiver.ended('client_closed');
      return closedControl;
    }
    this.#host.run(() => {
      this.#receiver = receiver;
      this.#owner.answered(true);
      const { clock, limits, output } = this.#host;
      this.#silence = new Watchdog(clock, limits.publisherSilentMs, () => {
        this.#closeConnection('timeout', 'no media');
      });
      const start = { level: 'status', code: 'NetStream.Publish.Start', description: this.#label } as const;
      output.control({ kind: 'streamBegin', messageStreamId: this.#owner.id });
      // Flash Media Live Encoder waits for this one.
      output.command('onFCPublish', 0, [null, statusObject(start)]);
      output.status(this.#owner.id, start);
    });
    return {
      close: (reason, description) => this.#closeConnection(reason, description),
      requestReconnect: (options) => !this.#isOver && this.#host.requestReconnect(options),
    };
  }

  refuse(error: AppError): void {
    if (this.#isOver || this.#receiver !== undefined) return;
    this.#host.run(() => {
      const details = this.client.isForwarder === true ? refusalDetails(error) : {};
      this.#host.output.status(this.#owner.id, publishRefusal(error), details);
      this.#owner.answered(false);
    });
  }

  /** Hands a message on; what comes before the answer is dropped. */
  media(kind: FrameKind, timestampMs: number, payload: Buffer): void {
    this.#silence?.touch();
    this.#receiver?.media(kind, timestampMs, payload);
  }

  /** The publisher was asked to move by the node that forwards it. */
  letGo(): void {
    this.#receiver?.letGo?.();
  }

  /** Tells the client why the node ends it. */
  announceEnd(reason: CloseReason, description?: string): void {
    if (this.#receiver === undefined) return;
    const details = this.client.isForwarder === true ? endDetails(reason) : {};
    this.#host.output.status(this.#owner.id, publishEnd(reason, description), details);
  }

  /** Tells the node. The owner calls it once, whoever ended it. */
  end(reason: CloseReason): void {
    this.#isOver = true;
    this.#silence?.stop();
    this.#receiver?.ended(reason);
  }

  #closeConnection(reason: CloseReason, description?: string): void {
    if (this.#isOver) return;
    this.#host.run(() => {
      this.announceEnd(reason, description);
      this.#host.finish(reason);
    });
  }

  get #label(): string {
    return `${this.name.slice(0, 128)} is now published`;
  }
}

const closedControl: PublishControl = { close: () => undefined, requestReconnect: () => false };
