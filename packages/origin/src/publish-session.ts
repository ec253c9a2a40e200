import type { Clock, CloseReason, Logger } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import type { PublishControl, PublishReceiver } from '@headwater/rtmp';
import type { OriginStream } from './origin-stream.ts';
import type { PublishAttempt, PublishContext } from './publish-attempt.ts';

/** What a publish session is made of. */
export interface PublishSessionOptions {
  readonly stream: OriginStream;
  readonly context: PublishContext;
  readonly clock: Clock;
  readonly logger: Logger;
  /** True where somebody stands ready to go on with the stream when its publisher ends it. */
  isHandedOver?(): boolean;
}

// Ways for a publisher to end that end its stream as well; after all others it may come back to a held stream.
const finalReasons: ReadonlySet<CloseReason> = new Set<CloseReason>(['unpublished', 'kicked']);

/** An accepted publisher's connection to its stream. */
export class PublishSession implements PublishReceiver {
  readonly context: PublishContext;
  readonly openedAtMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #startMs: number;
  #stream: OriginStream;
  #control: PublishControl | undefined;
  #closed: (() => void) | undefined;
  #closeReason: CloseReason | undefined;
  #hasEnded = false;
  #isAskedToMove = false;
  readonly #isHandedOver: () => boolean;

  constructor(options: PublishSessionOptions) {
    const { stream, context, clock } = options;
    this.#stream = stream;
    this.context = context;
    this.#clock = clock;
    this.#isHandedOver = () => options.isHandedOver?.() ?? false;
    this.#startMs = clock.nowMs();
    this.openedAtMs = clock.wallMs();
    this.#logger = options.logger.child({ sessionId: context.sessionId, stream: stream.key });
  }

  /** The epoch that it feeds. */
  get stream(): OriginStream {
    return this.#stream;
  }

  /** Feeds another epoch from now on. */
  moveTo(stream: OriginStream): void {
    this.#stream = stream;
  }

  /** Accepts the attempt; `closed` is called once when the session is over. */
  open(attempt: PublishAttempt, closed: () => void): void {
    this.#closed = closed;
    const { protocol, remoteAddress } = this.context;
    this.#logger.info({ epoch: this.stream.epoch, protocol, remoteAddress }, 'publish opened');
    this.#control = attempt.accept(this);
  }

  media(kind: FrameKind, timestampMs: number, payload: Buffer): void {
    this.#stream.push(kind, timestampMs, payload);
  }

  ended(reason: CloseReason): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const finalReason = this.#closeReason ?? reason;
    // One that was asked to move says goodbye here when it has begun elsewhere: edges may not have heard of that yet.
    const hasMoved = finalReason === 'unpublished' && (this.#isAskedToMove || this.#isHandedOver());
    if (finalReasons.has(finalReason) && !hasMoved) this.stream.end(finalReason);
    else this.stream.interrupt();
    const { framesIn, bytesIn } = this.stream.stats;
    const durationMs = Math.round(this.#clock.nowMs() - this.#startMs);
    this.#logger.info({ reason: finalReason, durationMs, framesIn, bytesIn }, 'publish closed');
    this.#closed?.();
  }

  /** Tells the publisher why, and closes its connection. Twice does nothing. */
  close(reason: CloseReason): void {
    if (this.#hasEnded || this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#control?.close(reason);
  }

  /** The publisher was asked to move: by this node, or by the one that forwards it. */
  letGo(): void {
    this.#isAskedToMove = true;
    this.#stream.letGo();
  }

  /** Asks the publisher to move to another node; false when it did not announce that it can. */
  requestReconnect(): boolean {
    const isAsked = this.#control?.requestReconnect() ?? false;
    if (isAsked) this.letGo();
    return isAsked;
  }
}
