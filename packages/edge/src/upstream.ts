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
import type { NodeRef, StreamRecord, StreamRegistry, UpstreamLoss } from '@headwater/cluster';
import type { Frame } from '@headwater/media';
import type { OpenedInfo, Pull, PulledState, PullHandler, RelayClient } from '@headwater/relay';
import { StallWatch } from './stall-watch.ts';

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
  readonly relay: Pick<RelayClient, 'pull'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: UpstreamListener;
  /** Told of owners that do not deliver: those who judge them look at once. */
  readonly reportLoss: (owner: NodeRef, loss: UpstreamLoss) => void;
  /** Uniform in [0, 1): spreads the retries of many edges. */
  random(): number;
}

// Ways in which an owner ends a stream for good. After all others somebody else may have it, or will.
const finalReasons: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'unpublished',
  'hold_expired',
  'kicked',
]);
// A live stream that brings nothing for this long has an owner that is frozen or cut off.
const stallMs = 2_000;
const firstRetryMs = 100;
const lastRetryMs = 2_000;

/** One stream's way to its owner. `close` is idempotent. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #stall: StallWatch;
  #pull: Pull | undefined;
  /** Where the newest pull went. */
  #record: StreamRecord | undefined;
  #epoch = 0;
  /** The highest epoch that the registry spoke of or an owner had: nothing below it is pulled. */
  #highestEpoch = 0;
  /** The epoch whose end the registry spoke of while it was pulled. */
  #endedEpoch = 0;
  #nextSequence = 0;
  /** Whether the epoch has brought media, and so the headers before it: only then can a pull go on after it. */
  #hasMedia = false;
  #attempts = 0;
  #retryTimer: Timer | undefined;
  #isResolving = false;
  #isClosed = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#stall = new StallWatch(options.clock, stallMs, () => {
      this.#stalled();
    });
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
    if (this.#isClosed || record.epoch < this.#highestEpoch) return;
    if (record.epoch === this.#highestEpoch && this.#pull !== undefined) return;
    this.#attempts = 0;
    this.#connect(record);
  }

  /**
   * The registry says that the stream is over. A pull hears it from the owner, in order with the frames; it counts when
   * the pull breaks off without.
   */
  endedElsewhere(record: StreamRecord): void {
    if (this.#isClosed || record.epoch < this.#highestEpoch || this.#epoch === 0) return;
    if (this.#pull === undefined) this.#options.listener.ended('stream_ended');
    else this.#endedEpoch = record.epoch;
  }

  close(): void {
    this.#isClosed = true;
    this.#stall.stop();
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
      // Without the registry, whoever had the stream last is the best guess.
      if (this.#pull === undefined) this.#follow(this.#record);
    } finally {
      this.#isResolving = false;
    }
  }

  #follow(record: StreamRecord | undefined): void {
    if (this.#isClosed) return;
    // An orphan's owner may be cut off from the registry only: while it lives it delivers, and nobody else does.
    const isServed = record !== undefined && record.state !== 'ended' && record.relayAddress !== '';
    if (isServed && record.epoch >= this.#highestEpoch) this.#connect(record);
    else this.#retryLater();
  }

  #connect(record: StreamRecord): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#stall.stop();
    this.#pull?.close();
    this.#highestEpoch = record.epoch;
    this.#record = record;
    const { stream, relay } = this.#options;
    const resume = this.#hasMedia ? { epoch: this.#epoch, sequence: this.#nextSequence } : undefined;
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
        if (info.epoch !== this.#epoch) {
          this.#nextSequence = info.firstSequence;
          this.#hasMedia = false;
        }
        this.#epoch = info.epoch;
        this.#highestEpoch = Math.max(this.#highestEpoch, info.epoch);
        this.#watchWhile(info.state);
        listener.opened(info);
      },
      frames: (frames) => {
        this.#stall.seen();
        const fresh = this.#withoutRepeats(frames);
        const last = fresh[fresh.length - 1];
        if (last === undefined) return;
        this.#nextSequence = Math.max(this.#nextSequence, last.sequence + 1);
        if (fresh.some(isMedia)) {
          this.#hasMedia = true;
          this.#attempts = 0;
        }
        listener.frames(this.#epoch, fresh);
      },
      state: (state) => {
        this.#watchWhile(state);
        listener.state(state);
      },
      ended: (reason) => {
        this.#pull = undefined;
        this.#stall.stop();
        if (finalReasons.has(reason)) listener.ended(reason);
        else if (this.#isStillWanted()) {
          if (reason === 'replaced') void this.#resolve();
          else this.#retryLater();
        }
      },
      failed: (error) => {
        this.#pull = undefined;
        this.#stall.stop();
        // The first failure in a row says it; the stream's phase shows that it goes on.
        const level = this.#attempts === 0 ? error.entry.level : 'debug';
        this.#options.logger[level]({ err: error, attempt: this.#attempts }, 'pull failed');
        // An owner that has answered, whatever it said, lives.
        if (error.code === 'upstream_unavailable') this.#report('broken');
        if (this.#isStillWanted()) this.#retryLater();
      },
    };
  }

  #watchWhile(state: PulledState): void {
    if (state === 'live') this.#stall.start();
    else this.#stall.stop();
  }

  // The owner is looked up again: by now somebody else may have the stream, and if not, asking anew costs little. No
  // pause is needed, since each stall takes its time; a pause would be a gap when the publisher was silent only.
  #stalled(): void {
    const level = this.#attempts === 0 ? 'warn' : 'debug';
    this.#options.logger[level]({ epoch: this.#epoch, stallMs }, 'pull stalled');
    this.#pull?.close();
    this.#pull = undefined;
    this.#report('stalled');
    if (this.#isStillWanted()) void this.#resolve();
  }

  #report(loss: UpstreamLoss): void {
    if (this.#record !== undefined) this.#options.reportLoss(this.#record.owner, loss);
  }

  /** Tells the listener what a pull that broke off means. False when the stream is over. */
  #isStillWanted(): boolean {
    const { listener } = this.#options;
    const isOver = this.#endedEpoch > 0 && this.#endedEpoch >= this.#highestEpoch;
    if (isOver) listener.ended('stream_ended');
    else listener.lost();
    return !isOver;
  }

  // A pull that could not go on where the last one broke starts at a keyframe, which may have been delivered already.
  // Headers and metadata are sent again at each start, and do no harm.
  #withoutRepeats(frames: readonly Frame[]): readonly Frame[] {
    const isRepeat = (frame: Frame): boolean => frame.sequence < this.#nextSequence && isMedia(frame);
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

function isMedia({ role }: Frame): boolean {
  return role === 'keyframe' || role === 'media';
}
