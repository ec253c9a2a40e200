// One viewer of one stream, whatever protocol it speaks: admitted by the access policy, holding a share in the edge's
// stream, attached to a format while it wants media.
import type { Clock, CloseReason, Logger, SessionProtocol, StreamKey } from '@headwater/contracts';
import type {
  BacklogLimits,
  LatencyClass,
  LiveStream,
  Sink,
  StreamFormat,
  Subscription,
} from '@headwater/media';
import type { StreamLease } from './edge-stream.ts';

/** Who a viewer is. */
export interface ViewerContext {
  readonly sessionId: string;
  readonly protocol: SessionProtocol;
  readonly remoteAddress: string;
}

/** How a viewer's media is to be delivered. */
export interface DeliveryOptions {
  readonly format: StreamFormat;
  readonly sink: Sink;
  readonly from: 'keyframe' | 'next-keyframe';
}

/** What a viewer is made of. */
export interface ViewerOptions {
  readonly context: ViewerContext;
  readonly stream: StreamKey;
  readonly live: LiveStream;
  readonly lease: StreamLease;
  readonly latency: LatencyClass;
  readonly backlog: BacklogLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once when the viewer is gone. */
  closed(viewer: Viewer, reason: CloseReason): void;
}

/** An admitted viewer. Its output sets `onEnded`, delivers, and closes it; `close` is idempotent. */
export class Viewer {
  readonly context: ViewerContext;
  readonly stream: StreamKey;
  readonly openedAtMs: number;
  /** Called once when the viewer ends for another reason than its own `close`; not before the first `deliver`. */
  onEnded: (reason: CloseReason) => void = () => undefined;
  readonly #options: ViewerOptions;
  readonly #logger: Logger;
  readonly #startMs: number;
  #subscription: Subscription | undefined;
  #earlierBytes = 0;
  #earlierDrops = 0;
  #isClosed = false;
  #isDelivering = false;
  /** Why it ended before its output was there to be told. */
  #untoldEnd: CloseReason | undefined;

  constructor(options: ViewerOptions) {
    const { context, stream, clock, latency } = options;
    this.context = context;
    this.stream = stream;
    this.#options = options;
    this.#startMs = clock.nowMs();
    this.openedAtMs = clock.wallMs();
    this.#logger = options.logger.child({ sessionId: context.sessionId, stream });
    const { protocol, remoteAddress } = context;
    this.#logger.info({ protocol, remoteAddress, latency }, 'play opened');
  }

  get bytesWritten(): number {
    return this.#earlierBytes + (this.#subscription?.bytesWritten ?? 0);
  }

  get droppedFrames(): number {
    return this.#earlierDrops + (this.#subscription?.droppedFrames ?? 0);
  }

  get lagMs(): number {
    return this.#subscription?.lagMs ?? 0;
  }

  /** Begins delivery, or goes on with another format. */
  deliver(delivery: DeliveryOptions): void {
    this.#isDelivering = true;
    const untold = this.#untoldEnd;
    this.#untoldEnd = undefined;
    if (untold !== undefined) this.onEnded(untold);
    if (this.#isClosed) return;
    this.pause();
    const { live, latency, backlog } = this.#options;
    this.#subscription = live.attach({
      ...delivery,
      latency,
      backlog,
      ended: (reason) => {
        this.end(reason);
      },
    });
  }

  /** Stops delivery; `deliver` goes on. */
  pause(): void {
    const subscription = this.#subscription;
    if (subscription === undefined) return;
    this.#earlierBytes += subscription.bytesWritten;
    this.#earlierDrops += subscription.droppedFrames;
    this.#subscription = undefined;
    subscription.detach();
  }

  /** Ends the viewer from the node's side: its output is told. */
  end(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.close(reason);
    if (this.#isDelivering) this.onEnded(reason);
    else this.#untoldEnd = reason;
  }

  /** The output is over: gives everything back. */
  close(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.pause();
    this.#options.lease.release();
    const durationMs = Math.round(this.#options.clock.nowMs() - this.#startMs);
    const { bytesWritten, droppedFrames } = this;
    this.#logger.info({ reason, durationMs, bytesWritten, droppedFrames }, 'play closed');
    this.#options.closed(this, reason);
  }
}
