// A stream as a node has it: what a joiner needs (sequence headers, the newest GOP) and one fan-out for each format and
// latency class in use. Frames go in by `push`, viewers come by `attach`, and everything ends by `close`. The origin has
// one for each publish session and feeds relay pulls from it; the edge has one for each stream its viewers watch.
import type { Clock, CloseReason, StreamKey, Timer } from '@headwater/contracts';
import { CodecState } from './codec-state.ts';
import { FanOut, type FlushStep } from './fan-out.ts';
import type { Frame } from './frame.ts';
import { FrameRing, type FrameRingLimits } from './frame-ring.ts';
import type { JoinSource } from './join-source.ts';
import { RateMeter } from './rate-meter.ts';
import type { Sink } from './sink.ts';
import type { StreamFormat, TrackPresence } from './stream-format.ts';
import type { BacklogLimits, Subscriber, Subscription } from './subscriber.ts';

/** `low` sends each frame at once or merged for some milliseconds; `normal` merges longer as the audience grows. */
export type LatencyClass = 'low' | 'normal';

/** How a stream's fan-outs flush, by latency class; see `FlushStep`. */
export type FlushPlan = Readonly<Record<LatencyClass, readonly FlushStep[]>>;

const immediately: readonly FlushStep[] = [{ viewers: 0, windowMs: 0 }];

/** Every video frame at once, whatever the number of subscribers: for relays, whose subscribers are few. */
export const immediateFlushPlan: FlushPlan = { low: immediately, normal: immediately };

/** What a live stream is made of. */
export interface LiveStreamOptions {
  readonly key: StreamKey;
  readonly clock: Clock;
  readonly ring: FrameRingLimits & { readonly keep: 'gop' | 'all' };
  readonly flushPlan: FlushPlan;
}

/** How a viewer is attached. */
export interface AttachOptions {
  readonly format: StreamFormat;
  readonly sink: Sink;
  readonly backlog: BacklogLimits;
  readonly latency: LatencyClass;
  /**
   * `keyframe` starts with the newest GOP at once; `next-keyframe` with the one that comes; a sequence number goes on
   * after that frame where the ring still has all that followed, and else is `keyframe`.
   */
  readonly from: 'keyframe' | 'next-keyframe' | { readonly afterSequence: number };
  /** Called once when the stream or its patience with the viewer ends; not after `detach`. */
  ended(reason: CloseReason): void;
}

/** Figures of a stream for the API and metrics. */
export interface LiveStreamStats {
  readonly framesIn: number;
  readonly bytesIn: number;
  /** Over the last seconds. */
  readonly bitsPerSecondIn: number;
  readonly viewers: number;
  readonly codecs: readonly string[];
  readonly newestTimestampMs: number;
}

// How often viewers that are behind are looked after when no frames come.
const sweepMs = 250;
// Audio that starts a stream may be followed by video: viewers wait this long (of media time) before it counts as all.
const audioOnlyAfterMs = 500;

/** One live stream. Owned by whoever made it; `close` ends all subscribers and is idempotent. */
export class LiveStream implements JoinSource {
  readonly key: StreamKey;
  readonly #clock: Clock;
  readonly #flushPlan: FlushPlan;
  readonly #codecs = new CodecState();
  readonly #ring: FrameRing;
  readonly #fanOuts = new Map<string, FanOut>();
  readonly #sweepTimer: Timer;
  readonly #rate: RateMeter;
  #lastSequence = -1;
  #firstTimestampMs: number | undefined;
  #newestTimestampMs = 0;
  #framesIn = 0;
  #bytesIn = 0;
  #closedBy: CloseReason | undefined;

  constructor(options: LiveStreamOptions) {
    this.key = options.key;
    this.#clock = options.clock;
    this.#flushPlan = options.flushPlan;
    this.#ring = new FrameRing(options.ring);
    this.#rate = new RateMeter(options.clock);
    this.#sweepTimer = this.#clock.every(sweepMs, () => {
      for (const fanOut of this.#fanOuts.values()) fanOut.sweep();
    });
  }

  get tracks(): TrackPresence {
    return this.#codecs.tracks;
  }

  get closedBy(): CloseReason | undefined {
    return this.#closedBy;
  }

  /** Number of the newest frame, -1 before any. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  get viewers(): number {
    let viewers = 0;
    for (const fanOut of this.#fanOuts.values()) viewers += fanOut.viewers;
    return viewers;
  }

  get stats(): LiveStreamStats {
    return {
      framesIn: this.#framesIn,
      bytesIn: this.#bytesIn,
      bitsPerSecondIn: this.#rate.bitsPerSecond,
      viewers: this.viewers,
      codecs: this.#codecs.codecs,
      newestTimestampMs: this.#newestTimestampMs,
    };
  }

  headers(atTimestampMs: number): Frame[] {
    return this.#codecs.headers(atTimestampMs);
  }

  get joinSequence(): number | undefined {
    if (!this.tracks.hasVideo && this.#isStillUnfolding()) return undefined;
    return this.#ring.gopStart?.sequence;
  }

  joinFrames(): readonly Frame[] {
    return this.#ring.gop();
  }

  framesAfter(sequence: number): readonly Frame[] | undefined {
    return sequence === this.#lastSequence ? [] : this.#ring.after(sequence);
  }

  /** True when `attach` with `afterSequence` would miss nothing. */
  canResumeAfter(sequence: number): boolean {
    return this.framesAfter(sequence) !== undefined;
  }

  /** Takes the next frame; sequence numbers must rise. Ignored after `close`. */
  push(frame: Frame): void {
    if (this.#closedBy !== undefined) return;
    this.#framesIn++;
    this.#bytesIn += frame.payload.length;
    this.#rate.add(frame.payload.length);
    this.#lastSequence = frame.sequence;
    this.#firstTimestampMs ??= frame.timestampMs;
    this.#newestTimestampMs = Math.max(this.#newestTimestampMs, frame.timestampMs);
    // A GOP made for other headers cannot start a viewer any more.
    if (this.#codecs.accept(frame)) this.#ring.invalidateGop();
    this.#ring.push(frame);
    for (const fanOut of this.#fanOuts.values()) fanOut.push(frame);
  }

  /** A new publish session begins: what is cached of the one before no longer fits what comes. */
  beginSession(): void {
    this.#codecs.clear();
    this.#ring.invalidateGop();
  }

  attach(options: AttachOptions): Subscription {
    if (this.#closedBy !== undefined) {
      options.ended(this.#closedBy);
      return { state: 'detached', bytesWritten: 0, droppedFrames: 0, lagMs: 0, detach: () => undefined };
    }
    const id = `${options.format.id} ${options.latency}`;
    const fanOut = this.#fanOuts.get(id) ?? this.#openFanOut(id, options);
    const dropIfEmpty = (): void => {
      if (fanOut.viewers > 0 || this.#fanOuts.get(id) !== fanOut) return;
      this.#fanOuts.delete(id);
      fanOut.close('client_closed');
    };
    const subscriber = addTo(fanOut, options, (reason) => {
      dropIfEmpty();
      options.ended(reason);
    });
    return new FanOutSubscription(subscriber, dropIfEmpty);
  }

  /** Writes what is owed, ends every subscriber, frees everything. */
  close(reason: CloseReason): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = reason;
    this.#sweepTimer.cancel();
    for (const fanOut of this.#fanOuts.values()) fanOut.close(reason);
    this.#fanOuts.clear();
    this.#ring.clear();
    this.#codecs.clear();
  }

  #isStillUnfolding(): boolean {
    return this.#newestTimestampMs - (this.#firstTimestampMs ?? 0) < audioOnlyAfterMs;
  }

  #openFanOut(id: string, options: AttachOptions): FanOut {
    const fanOut = new FanOut(
      {
        clock: this.#clock,
        format: options.format,
        source: this,
        backlog: options.backlog,
        flushSteps: this.#flushPlan[options.latency],
      },
      this.#lastSequence,
    );
    this.#fanOuts.set(id, fanOut);
    return fanOut;
  }
}

function addTo(fanOut: FanOut, options: AttachOptions, ended: (reason: CloseReason) => void): Subscriber {
  if (typeof options.from === 'object') {
    const resumed = fanOut.addAfter(options.from.afterSequence, options.sink, ended);
    if (resumed !== undefined) return resumed;
  }
  return fanOut.add(options.sink, ended, options.from === 'next-keyframe' ? 'skipping' : 'waiting');
}

class FanOutSubscription implements Subscription {
  readonly #subscriber: Subscriber;
  readonly #detached: () => void;

  constructor(subscriber: Subscriber, detached: () => void) {
    this.#subscriber = subscriber;
    this.#detached = detached;
  }

  get state(): Subscription['state'] {
    return this.#subscriber.state;
  }

  get bytesWritten(): number {
    return this.#subscriber.bytesWritten;
  }

  get droppedFrames(): number {
    return this.#subscriber.droppedFrames;
  }

  get lagMs(): number {
    return this.#subscriber.group.lagMs(this.#subscriber);
  }

  detach(): void {
    this.#subscriber.group.remove(this.#subscriber);
    this.#detached();
  }
}
