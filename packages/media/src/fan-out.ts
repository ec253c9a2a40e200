// One stream in one wire format towards any number of viewers. Frames gather until a flush, a flush makes one Buffer,
// and every viewer gets that same Buffer by one write. A viewer that does not keep up is a position that stays behind:
// beyond its soft limit it jumps to a keyframe, beyond its hard limit it is ended. What costs is the number of write
// calls, so the window between flushes grows with the audience.
import type { Clock, CloseReason, Timer } from '@headwater/contracts';
import { BatchLog } from './batch-log.ts';
import type { Frame } from './frame.ts';
import type { Sink } from './sink.ts';
import type { StreamFormat, TrackPresence } from './stream-format.ts';
import { Subscriber, type BacklogLimits } from './subscriber.ts';

/** From `viewers` viewers on, flushes are at least `windowMs` apart; 0 flushes each video frame. */
export interface FlushStep {
  readonly viewers: number;
  readonly windowMs: number;
}

/** How a fan-out batches and spreads its writes. */
export interface FanOutOptions {
  readonly clock: Clock;
  readonly format: StreamFormat;
  readonly source: JoinSource;
  readonly backlog: BacklogLimits;
  /** In rising order of viewers, the first for 0. */
  readonly flushSteps: readonly FlushStep[];
}

/** What a fan-out needs to know of its stream to start a viewer at a keyframe. */
export interface JoinSource {
  /** Another object after each change. */
  readonly tracks: TrackPresence;
  /** Metadata and sequence headers, stamped with that time. */
  headers(atTimestampMs: number): Frame[];
  /** Sequence number of the first frame a viewer can start from; undefined when there is none yet. */
  readonly joinSequence: number | undefined;
  /** The frames from there on: newest keyframe on, or recent audio. */
  joinFrames(): readonly Frame[];
  /** All frames after that sequence number; undefined when some of them are gone. */
  framesAfter(sequence: number): readonly Frame[] | undefined;
}

// What a joiner is written first, the same for all who join until the next flush.
interface Burst {
  readonly first: Frame | undefined;
  readonly tracks: TrackPresence;
  /** The preamble, and `bytes` behind it. */
  readonly opening: Buffer;
  readonly bytes: Buffer;
}

// Audio leaves with the next video frame; when video stays away it leaves after this long.
const audioHoldMs = 100;
// Viewers written in one go; more are spread over the window so that one burst does not block the loop.
const slotViewers = 250;
const slotSpacingMs = 15;
// One that catches up is written this part of its soft limit at a visit. Not batch by batch: a sink that takes bytes only
// after the visit, as HTTP/2 does, would never catch up.
const catchUpShare = 4;
// What one look at a viewer that does not read adds at most to the time it is blamed for.
const longestStepMs = 500;

/** Delivers one stream in one format. Created by `LiveStream` for the first viewer, dropped with the last. */
export class FanOut {
  readonly #clock: Clock;
  readonly #format: StreamFormat;
  readonly #source: JoinSource;
  readonly #backlog: BacklogLimits;
  readonly #flushSteps: readonly FlushStep[];
  readonly #log: BatchLog;
  readonly #subscribers: Subscriber[] = [];
  #pending: Frame[] = [];
  #lastFlushed: number;
  #flushedAtMs: number;
  /** When what is pending has to leave; `Infinity` when nothing has asked yet. */
  #flushDueMs = Infinity;
  #burst: Burst | undefined;
  #flushTimer: Timer | undefined;
  #flushTimerMs = 0;
  #slotTimer: Timer | undefined;
  #slotsDue = 0;

  /** `lastSequence` is the newest frame of the stream when the fan-out begins, -1 when there is none. */
  constructor(options: FanOutOptions, lastSequence: number) {
    this.#clock = options.clock;
    this.#format = options.format;
    this.#source = options.source;
    this.#backlog = options.backlog;
    this.#flushSteps = options.flushSteps;
    this.#lastFlushed = lastSequence;
    this.#flushedAtMs = options.clock.nowMs();
    this.#log = new BatchLog({ maxBytes: options.backlog.softBytes, maxAgeMs: options.backlog.softMs });
  }

  get viewers(): number {
    return this.#subscribers.length;
  }

  /** Adds a viewer that starts at the newest keyframe at once, or with `skipping` at the next one. */
  add(sink: Sink, ended: (reason: CloseReason) => void, state: 'waiting' | 'skipping'): Subscriber {
    const subscriber = this.#insert(new Subscriber(sink, ended, state));
    if (state === 'skipping') {
      subscriber.lastSequence = this.#newestSequence();
      return subscriber;
    }
    // The keyframe to start from may still be pending; flushing it a little early lets the picture start at once.
    const { joinSequence } = this.#source;
    if (joinSequence !== undefined && joinSequence > this.#lastFlushed) this.flush();
    if (subscriber.state === 'waiting') this.#tryStart(subscriber);
    return subscriber;
  }

  /** Adds a viewer that has everything up to `sequence`; undefined when frames after it are gone. */
  addAfter(sequence: number, sink: Sink, ended: (reason: CloseReason) => void): Subscriber | undefined {
    const missed = this.#source.framesAfter(sequence);
    if (missed === undefined) return undefined;
    const subscriber = this.#insert(new Subscriber(sink, ended, 'waiting'));
    const flushed = missed.filter((frame) => frame.sequence <= this.#lastFlushed);
    subscriber.hasPreamble = true;
    if (flushed.length > 0) subscriber.write(this.#format.encode(flushed));
    this.#follow(subscriber);
    return subscriber;
  }

  remove(subscriber: Subscriber): void {
    if (subscriber.state === 'detached') return;
    subscriber.state = 'detached';
    const last = this.#subscribers.pop();
    if (last === undefined || last === subscriber) return;
    this.#subscribers[subscriber.index] = last;
    last.index = subscriber.index;
  }

  push(frame: Frame): void {
    this.#pending.push(frame);
    const { hasVideo } = this.#source.tracks;
    const isShown = frame.kind === 'video' ? frame.role !== 'header' : frame.kind === 'audio' && !hasVideo;
    const windowMs = this.#windowMs();
    const dueMs = this.#flushedAtMs + (isShown ? windowMs : Math.max(windowMs, audioHoldMs));
    const nowMs = this.#clock.nowMs();
    if (isShown && dueMs <= nowMs) this.flush();
    else this.#flushBy(Math.max(dueMs, nowMs + 1));
  }

  /** Makes a batch of what is pending and begins to write it. */
  flush(): void {
    const frames = this.#pending;
    const last = frames[frames.length - 1];
    if (last === undefined) return;
    this.#pending = [];
    this.#burst = undefined;
    this.#lastFlushed = last.sequence;
    this.#flushedAtMs = this.#clock.nowMs();
    this.#flushDueMs = Infinity;
    const bytes = this.#format.encode(frames);
    if (bytes.length > 0) this.#log.append(bytes, last.sequence, this.#flushedAtMs);
    this.#visitFromStart();
  }

  /** How long the oldest frame that a viewer has not been written yet has waited for it. */
  lagMs(subscriber: Subscriber): number {
    if (subscriber.state !== 'following') {
      return subscriber.blockedMs;
    }
    const next = this.#log.get(subscriber.cursor);
    return next === undefined ? 0 : this.#clock.nowMs() - next.flushedAtMs;
  }

  /** Looks after viewers that are behind while no frames come: writes what they can take, ends those that are too slow. */
  sweep(): void {
    this.#visit(0, this.#subscribers.length);
  }

  /** Ends every viewer, after writing what they are owed: at most their soft limit, also to one that is behind. */
  close(reason: CloseReason): void {
    this.flush();
    this.#flushTimer?.cancel();
    this.#slotTimer?.cancel();
    for (const subscriber of [...this.#subscribers]) {
      if (subscriber.state === 'following') this.#writeBatches(subscriber, Infinity);
      this.#end(subscriber, reason);
    }
  }

  #insert(subscriber: Subscriber): Subscriber {
    subscriber.index = this.#subscribers.push(subscriber) - 1;
    return subscriber;
  }

  #newestSequence(): number {
    return this.#pending[this.#pending.length - 1]?.sequence ?? this.#lastFlushed;
  }

  #windowMs(): number {
    const viewers = this.#subscribers.length;
    let windowMs = 0;
    for (const step of this.#flushSteps) if (viewers >= step.viewers) windowMs = step.windowMs;
    return windowMs;
  }

  // One timer stays armed instead of one made and cancelled for each frame: when it fires early it is set again.
  #flushBy(dueMs: number): void {
    this.#flushDueMs = Math.min(this.#flushDueMs, dueMs);
    if (this.#flushTimer !== undefined && this.#flushTimerMs <= this.#flushDueMs) return;
    this.#flushTimer?.cancel();
    this.#flushTimerMs = this.#flushDueMs;
    this.#flushTimer = this.#clock.after(this.#flushTimerMs - this.#clock.nowMs(), () => {
      this.#flushTimer = undefined;
      if (this.#pending.length === 0) return;
      if (this.#clock.nowMs() >= this.#flushDueMs) this.flush();
      else this.#flushBy(this.#flushDueMs);
    });
  }

  #visitFromStart(): void {
    const slots = Math.ceil(this.#subscribers.length / slotViewers);
    if (slots <= 1) {
      this.#visit(0, this.#subscribers.length);
      return;
    }
    // A round still under way is extended, so that each slot has its turn after this flush as well.
    this.#slotsDue = slots;
    if (this.#slotTimer === undefined) this.#visitSlot(0);
  }

  #visitSlot(slot: number): void {
    this.#visit(slot * slotViewers, (slot + 1) * slotViewers);
    this.#slotsDue--;
    if (this.#slotsDue <= 0) {
      this.#slotTimer = undefined;
      return;
    }
    const slots = Math.ceil(this.#subscribers.length / slotViewers);
    const spacingMs = Math.min(slotSpacingMs, Math.max(1, this.#windowMs() / slots));
    this.#slotTimer = this.#clock.after(spacingMs, () => {
      this.#visitSlot((slot + 1) % Math.max(1, slots));
    });
  }

  // Backwards, because ending a viewer moves the last one into its place.
  #visit(from: number, to: number): void {
    const nowMs = this.#clock.nowMs();
    for (let index = Math.min(to, this.#subscribers.length) - 1; index >= from; index--) {
      const subscriber = this.#subscribers[index];
      if (subscriber !== undefined) this.#pump(subscriber, nowMs);
    }
  }

  #pump(subscriber: Subscriber, nowMs: number): void {
    if (subscriber.sink.pendingBytes > 0) {
      this.#judgeBlocked(subscriber, nowMs);
      return;
    }
    subscriber.blockedSeenMs = undefined;
    subscriber.blockedMs = 0;
    if (subscriber.state !== 'following') {
      this.#tryStart(subscriber);
      return;
    }
    if (subscriber.cursor < this.#log.tail) {
      this.#skip(subscriber);
      this.#tryStart(subscriber);
      return;
    }
    this.#writeBatches(subscriber, this.#backlog.softBytes / catchUpShare);
  }

  #writeBatches(subscriber: Subscriber, maxBytes: number): void {
    const limit = subscriber.bytesWritten + maxBytes;
    let batch = this.#log.get(subscriber.cursor);
    while (batch !== undefined && subscriber.bytesWritten < limit) {
      subscriber.write(batch.bytes);
      subscriber.lastSequence = batch.lastSequence;
      subscriber.cursor++;
      batch = this.#log.get(subscriber.cursor);
    }
  }

  #judgeBlocked(subscriber: Subscriber, nowMs: number): void {
    // A step longer than the sweep is a stall of our own, in which nobody could have read anything.
    subscriber.blockedMs += Math.min(nowMs - (subscriber.blockedSeenMs ?? nowMs), longestStepMs);
    subscriber.blockedSeenMs = nowMs;
    const { blockedMs } = subscriber;
    const { softBytes, softMs, hardBytes, hardMs } = this.#backlog;
    const pendingBytes = subscriber.sink.pendingBytes;
    if (blockedMs > hardMs || (pendingBytes > hardBytes && blockedMs > softMs)) {
      this.#end(subscriber, 'slow_viewer');
      return;
    }
    if (subscriber.state !== 'following' || subscriber.cursor === this.#log.head) return;
    const next = this.#log.get(subscriber.cursor);
    const isTooFar =
      next === undefined ||
      this.#log.endOffset - next.offset + pendingBytes > softBytes ||
      nowMs - next.flushedAtMs > softMs;
    if (isTooFar) this.#skip(subscriber);
  }

  #skip(subscriber: Subscriber): void {
    subscriber.state = 'skipping';
  }

  #startFrames(subscriber: Subscriber): readonly Frame[] {
    const { joinSequence } = this.#source;
    if (joinSequence === undefined || joinSequence > this.#lastFlushed) return [];
    // Never back to what it has seen already; audio alone can go on from anywhere.
    const isAhead = joinSequence > subscriber.lastSequence;
    if (!isAhead && this.#source.tracks.hasVideo) return [];
    const frames = this.#source.joinFrames();
    return isAhead ? frames : frames.filter((frame) => frame.sequence > subscriber.lastSequence);
  }

  #tryStart(subscriber: Subscriber): void {
    const frames = this.#startFrames(subscriber);
    const first = frames[0];
    if (first === undefined) return;
    if (subscriber.state === 'skipping') {
      subscriber.droppedFrames += first.sequence - subscriber.lastSequence - 1;
    }
    const { opening, bytes } = this.#burstOf(frames);
    subscriber.write(subscriber.hasPreamble ? bytes : opening);
    subscriber.hasPreamble = true;
    this.#follow(subscriber);
  }

  #follow(subscriber: Subscriber): void {
    subscriber.state = 'following';
    subscriber.cursor = this.#log.head;
    subscriber.lastSequence = this.#lastFlushed;
  }

  // Headers and the GOP up to the last flush: shared by all who join before the next one.
  #burstOf(frames: readonly Frame[]): Burst {
    const { tracks } = this.#source;
    const first = frames[0];
    if (this.#burst?.first === first && this.#burst?.tracks === tracks) return this.#burst;
    const flushed = frames.filter((frame) => frame.sequence <= this.#lastFlushed);
    const encoded = this.#format.encode([...this.#source.headers(first?.timestampMs ?? 0), ...flushed]);
    const preamble = this.#format.preamble(tracks);
    const opening = preamble.length === 0 ? encoded : Buffer.concat([preamble, encoded]);
    this.#burst = { first, tracks, opening, bytes: opening.subarray(preamble.length) };
    return this.#burst;
  }

  #end(subscriber: Subscriber, reason: CloseReason): void {
    if (subscriber.state === 'detached') return;
    this.remove(subscriber);
    subscriber.ended(reason);
  }
}
