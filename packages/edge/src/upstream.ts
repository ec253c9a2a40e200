// Keeps one stream pulled: asks the registry who owns it, pulls from there, goes on after the last frame when the
// connection breaks, follows the stream to its next owner. Never falls back to an older epoch.
import {
  toAppError,
  type Clock,
  type CloseReason,
  type Logger,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import type { StreamRecord, StreamRegistry } from '@headwater/cluster';
import type { Frame } from '@headwater/media';
import type { OpenedInfo, Pull, PulledState, PullHandler, RelayClient } from '@headwater/relay';

/** What an upstream tells the edge's stream. */
export interface UpstreamListener {
  /** A pull opened; its frames follow. */
  opened(info: OpenedInfo): void;
  frames(epoch: number, frames: readonly Frame[]): void;
  state(state: PulledState): void;
  /** Nobody delivers the stream at the moment; another owner or connection is being looked for. */
  lost(): void;
  /** The owner says that the stream is over. Nothing follows. */
  ended(reason: CloseReason): void;
}

/** What an upstream is made of. */
export interface UpstreamOptions {
  readonly stream: StreamKey;
  readonly registry: StreamRegistry;
  readonly relay: RelayClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: UpstreamListener;
  /** Uniform in [0, 1): spreads the retries of many edges. */
  random(): number;
}

// Ways in which an owner ends a stream for good. After all others somebody else may have it, or will.
const finalReasons: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'unpublished',
  'hold_expired',
  'kicked',
]);
const firstRetryMs = 100;
const lastRetryMs = 2_000;

/** One stream's way to its owner. `close` is idempotent. */
export class Upstream {
  readonly #options: UpstreamOptions;
  #pull: Pull | undefined;
  #epoch = 0;
  #nextSequence = 0;
  #attempts = 0;
  #retryTimer: Timer | undefined;
  #isResolving = false;
  #isClosed = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** The highest epoch that was ever pulled, 0 before any. */
  get epoch(): number {
    return this.#epoch;
  }

  start(): void {
    void this.#resolve();
  }

  /** The registry says that the stream has a new owner or epoch. */
  claimed(record: StreamRecord): void {
    if (this.#isClosed || record.epoch <= this.#epoch) return;
    this.#attempts = 0;
    this.#connect(record);
  }

  /** The registry says that the stream is over. A pull that is open hears it from the owner, in order with the frames. */
  endedElsewhere(record: StreamRecord): void {
    if (this.#isClosed || this.#pull !== undefined || record.epoch < this.#epoch || this.#epoch === 0) return;
    this.#options.listener.ended('stream_ended');
  }

  close(): void {
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    this.#pull?.close();
    this.#pull = undefined;
  }

  async #resolve(): Promise<void> {
    if (this.#isClosed || this.#isResolving) return;
    this.#isResolving = true;
    try {
      const record = await this.#options.registry.stream(this.#options.stream);
      if (this.#pull === undefined) this.#follow(record);
    } catch (caught) {
      this.#options.logger.debug({ err: toAppError(caught) }, 'registry lookup failed');
      this.#retryLater();
    } finally {
      this.#isResolving = false;
    }
  }

  #follow(record: StreamRecord | undefined): void {
    if (this.#isClosed) return;
    const isServed = record?.state === 'live' || record?.state === 'interrupted';
    if (isServed && record.epoch >= this.#epoch) this.#connect(record);
    else this.#retryLater();
  }

  #connect(record: StreamRecord): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#pull?.close();
    const { stream, relay } = this.#options;
    const resume = this.#epoch > 0 ? { epoch: this.#epoch, sequence: this.#nextSequence } : undefined;
    this.#pull = relay.pull(
      record.relayAddress,
      { stream, minEpoch: record.epoch, ...(resume === undefined ? {} : { resume }) },
      this.#handler(),
    );
  }

  #handler(): PullHandler {
    const { listener } = this.#options;
    return {
      opened: (info) => {
        this.#attempts = 0;
        if (info.epoch !== this.#epoch) this.#nextSequence = info.firstSequence;
        this.#epoch = info.epoch;
        listener.opened(info);
      },
      frames: (frames) => {
        const fresh = this.#withoutRepeats(frames);
        const last = fresh[fresh.length - 1];
        if (last === undefined) return;
        this.#nextSequence = Math.max(this.#nextSequence, last.sequence + 1);
        listener.frames(this.#epoch, fresh);
      },
      state: (state) => {
        listener.state(state);
      },
      ended: (reason) => {
        this.#pull = undefined;
        if (finalReasons.has(reason)) {
          listener.ended(reason);
          return;
        }
        listener.lost();
        void this.#resolve();
      },
      failed: (error) => {
        this.#pull = undefined;
        this.#options.logger.warn({ err: error, attempt: this.#attempts }, 'pull failed');
        listener.lost();
        this.#retryLater();
      },
    };
  }

  // A pull that could not go on where the last one broke starts at a keyframe, which may have been delivered already.
  // Headers and metadata are sent again at each start, and do no harm.
  #withoutRepeats(frames: readonly Frame[]): readonly Frame[] {
    const isRepeat = (frame: Frame): boolean =>
      frame.sequence < this.#nextSequence && (frame.role === 'keyframe' || frame.role === 'media');
    return frames.some(isRepeat) ? frames.filter((frame) => !isRepeat(frame)) : frames;
  }

  #retryLater(): void {
    if (this.#isClosed || this.#retryTimer !== undefined) return;
    const baseMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 10);
    const delayMs = baseMs * (0.75 + this.#options.random() / 2);
    this.#retryTimer = this.#options.clock.after(delayMs, () => {
      this.#retryTimer = undefined;
      void this.#resolve();
    });
  }
}
