// Follows one epoch of a stream on its owner as an edge would, and keeps it as the owner has numbered it: whoever pulled
// from the owner can go on here after the last frame it got. A follower owns nothing.
import {
  toAppError,
  type Clock,
  type CloseReason,
  type Logger,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import type { StreamRecord } from '@headwater/cluster';
import { immediateFlushPlan, LiveStream, type Frame, type FrameRingLimits } from '@headwater/media';
import type { OpenedInfo, Pull, PulledState, PullHandler, RelayClient } from '@headwater/relay';
import type { ServedStream } from './served-stream.ts';

/** What a follower is made of. */
export interface StreamFollowerOptions {
  /** The stream at the epoch that is followed. */
  readonly record: StreamRecord;
  readonly relay: Pick<RelayClient, 'pull'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ring: FrameRingLimits;
  /** How long it keeps what it has when the owner delivers nothing more. */
  readonly holdMs: number;
  /** Uniform in [0, 1): spreads the retries of many followers. */
  random(): number;
  /** Called when what is heard of the owner has changed. */
  changed(follower: StreamFollower): void;
  /** Called once when it is over. */
  closed(follower: StreamFollower, reason: CloseReason): void;
}

// Ways in which an owner ends a stream for good.
const finalReasons: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'unpublished',
  'hold_expired',
  'kicked',
]);
// A live stream that brings nothing for this long has an owner that is frozen or cut off: a pull anew may tell.
const stallMs = 2_000;
const lookEachMs = 500;
// Timers are never quite on time.
const lateMs = 100;
const firstRetryMs = 100;
const lastRetryMs = 2_000;
// What the owner still has to say after the registry has spoken of the end.
const lastWordsMs = 2_000;

/** One epoch of a stream, followed. Closes itself when the owner ends the stream; `close` is idempotent. */
export class StreamFollower implements ServedStream {
  readonly key: StreamKey;
  readonly epoch: number;
  /** When it began, Unix ms. */
  readonly openedAtMs: number;
  readonly #options: StreamFollowerOptions;
  readonly #logger: Logger;
  readonly #watch: Timer;
  #live: LiveStream;
  #pull: Pull | undefined;
  #pulled: PulledState | undefined;
  #next = 0;
  #hasMedia = false;
  #lastFrameMs: number | undefined;
  /** When the pull in force last gave a sign of life. */
  #heardMs: number;
  #lookedMs: number;
  #lostMs: number;
  #attempts = 0;
  #retryTimer: Timer | undefined;
  /** The registry holds the owner for dead: nobody calls it until that changes. */
  #isOwnerDead = false;
  #endTimer: Timer | undefined;
  #closedBy: CloseReason | undefined;

  constructor(options: StreamFollowerOptions) {
    const { record, clock, logger } = options;
    this.key = record.stream;
    this.epoch = record.epoch;
    this.openedAtMs = clock.wallMs();
    this.#options = options;
    this.#logger = logger.child({ stream: this.key, epoch: this.epoch, owner: record.owner.nodeId });
    this.#live = this.#newLive();
    this.#heardMs = this.#lostMs = this.#lookedMs = clock.nowMs();
    this.#watch = clock.every(lookEachMs, () => {
      this.#look();
    });
    this.#connect();
  }

  get state(): ServedStream['state'] {
    if (this.#closedBy !== undefined) return 'ended';
    return this.#pulled === 'live' ? 'live' : 'interrupted';
  }

  get live(): LiveStream {
    return this.#live;
  }

  /** The node that owns the epoch. */
  get owner(): string {
    return this.#options.record.owner.nodeId;
  }

  /** What the owner said of its publisher; undefined while no pull is open. */
  get pulledState(): PulledState | undefined {
    return this.#pulled;
  }

  /** True once there is something to serve. */
  get hasMedia(): boolean {
    return this.#hasMedia;
  }

  /** When the newest frame came in, by the monotonic clock; undefined before any. */
  get lastFrameMs(): number | undefined {
    return this.#lastFrameMs;
  }

  /** What the registry says of the followed epoch. */
  recorded({ state }: StreamRecord): void {
    const wasDead = this.#isOwnerDead;
    this.#isOwnerDead = state === 'orphaned';
    if (this.#isOwnerDead) {
      this.#retryTimer?.cancel();
      this.#retryTimer = undefined;
    } else if (wasDead && this.#pull === undefined && this.#closedBy === undefined) {
      this.#connect();
    }
  }

  /** The registry says that the stream is over. The owner's own word, in order with the frames, comes first. */
  endedElsewhere(): void {
    if (this.#pulled === undefined) this.close('stream_ended');
    else {
      this.#endTimer ??= this.#options.clock.after(lastWordsMs, () => {
        this.close('stream_ended');
      });
    }
  }

  close(reason: CloseReason): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = reason;
    this.#watch.cancel();
    this.#retryTimer?.cancel();
    this.#endTimer?.cancel();
    this.#pull?.close();
    this.#pulled = undefined;
    this.#live.close(reason);
    this.#logger.info({ reason }, 'follower closed');
    this.#options.closed(this, reason);
  }

  #newLive(): LiveStream {
    const { clock, ring } = this.#options;
    const { key } = this;
    return new LiveStream({ key, clock, ring: { ...ring, keep: 'all' }, flushPlan: immediateFlushPlan });
  }

  #connect(): void {
    const { record, relay, clock } = this.#options;
    const { stream, epoch, relayAddress } = record;
    this.#heardMs = clock.nowMs();
    const resume = this.#hasMedia ? { resume: { epoch, sequence: this.#next } } : {};
    try {
      this.#pull = relay.pull(relayAddress, { stream, minEpoch: epoch, ...resume }, this.#handler());
    } catch (caught) {
      // A node that stops has closed its relay client already.
      this.#logger.debug({ err: toAppError(caught) }, 'follower cannot pull');
      this.#lost();
    }
  }

  #handler(): PullHandler {
    return {
      opened: (info) => {
        this.#opened(info);
      },
      frames: (frames) => {
        this.#heardMs = this.#options.clock.nowMs();
        for (const frame of frames) this.#take(frame);
      },
      state: (state) => {
        this.#heardMs = this.#options.clock.nowMs();
        this.#heard(state);
      },
      ended: (reason) => {
        if (finalReasons.has(reason)) this.close(reason);
        else this.#lost();
      },
      failed: (error) => {
        const level = this.#attempts === 0 ? 'info' : 'debug';
        this.#logger[level]({ err: error, attempt: this.#attempts }, 'follower lost its owner');
        this.#lost();
      },
    };
  }

  #opened(info: OpenedInfo): void {
    // The owner is ahead of the registry's news: those who appoint followers will hear of it.
    if (info.epoch !== this.epoch) {
      this.close('replaced');
      return;
    }
    const hasHole = this.#hasMedia && info.firstSequence > this.#next;
    if (hasHole) this.#restart();
    if (!this.#hasMedia) this.#next = info.firstSequence;
    this.#heardMs = this.#options.clock.nowMs();
    this.#logger.info({ resumed: info.resumed, state: info.state }, 'follower opened');
    this.#heard(info.state);
  }

  // Those who pull from here would miss what is missing here: they look elsewhere.
  #restart(): void {
    this.#live.close('publisher_lost');
    this.#live = this.#newLive();
    this.#hasMedia = false;
  }

  // Owners repeat headers and metadata at the start of each pull, under their old numbers.
  #take(frame: Frame): void {
    const isMedia = frame.role === 'keyframe' || frame.role === 'media';
    if (frame.sequence < this.#next) {
      if (!isMedia && !this.#hasMedia) this.#live.push(frame);
      return;
    }
    this.#next = frame.sequence + 1;
    this.#live.push(frame);
    if (!isMedia) return;
    this.#hasMedia = true;
    this.#attempts = 0;
    this.#lastFrameMs = this.#options.clock.nowMs();
  }

  #lost(): void {
    this.#pull = undefined;
    if (this.#pulled !== undefined) this.#lostMs = this.#options.clock.nowMs();
    this.#retryLater();
    this.#heard(undefined);
  }

  #heard(state: PulledState | undefined): void {
    if (this.#pulled === state) return;
    this.#pulled = state;
    this.#options.changed(this);
  }

  #look(): void {
    const nowMs = this.#options.clock.nowMs();
    // Who stood still himself has not read yet what came meanwhile: that time does not count.
    const stoodStillMs = nowMs - this.#lookedMs - lookEachMs;
    this.#lookedMs = nowMs;
    if (stoodStillMs > lateMs) this.#heardMs = Math.min(nowMs, this.#heardMs + stoodStillMs);
    if (this.#pulled === undefined && nowMs - this.#lostMs >= this.#options.holdMs) {
      this.close('publisher_lost');
      return;
    }
    if (this.#pulled !== 'live' || nowMs - this.#heardMs < stallMs) return;
    this.#logger.info({ stallMs }, 'follower stalled');
    this.#pull?.close();
    this.#lost();
  }

  #retryLater(): void {
    if (this.#closedBy !== undefined || this.#isOwnerDead || this.#retryTimer !== undefined) return;
    const baseMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 10);
    const delayMs = baseMs * (0.75 + this.#options.random() / 2);
    this.#retryTimer = this.#options.clock.after(delayMs, () => {
      this.#retryTimer = undefined;
      this.#connect();
    });
  }
}
