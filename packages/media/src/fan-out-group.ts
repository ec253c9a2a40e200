// Some of a stream's viewers, who are written at the same moments: frames gather until a flush, a flush makes one Buffer,
// and each viewer gets that same Buffer by one write. A viewer that does not keep up is a position that stays behind:
// beyond its soft limit it jumps to a keyframe, beyond its hard limit it is ended.
import type { Clock, CloseReason } from '@headwater/contracts';
import { BatchLog } from './batch-log.ts';
import type { Frame } from './frame.ts';
import type { JoinSource } from './join-source.ts';
import type { Sink } from './sink.ts';
import type { StreamFormat, TrackPresence } from './stream-format.ts';
import { Subscriber, type BacklogLimits, type SubscriberGroup } from './subscriber.ts';

/** What a group of viewers is made of. */
export interface FanOutGroupOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly format: StreamFormat;
  readonly source: JoinSource;
  readonly backlog: BacklogLimits;
}

// What a joiner is written first, the same for all who join until the next flush.
interface Burst {
  readonly first: Frame | undefined;
  readonly tracks: TrackPresence;
  /** The preamble, and `bytes` behind it. */
  readonly opening: Buffer;
  readonly bytes: Buffer;
}

// One that catches up is written this part of its soft limit at a visit. Not batch by batch: a sink that takes bytes only
// after the visit, as HTTP/2 does, would never catch up.
const catchUpShare = 4;
// What one look at a viewer that does not read adds at most to the time it is blamed for.
const longestStepMs = 500;

/** Delivers one stream in one format to those who share its moments. Created and closed by its `FanOut`. */
export class FanOutGroup implements SubscriberGroup {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #format: StreamFormat;
  readonly #source: JoinSource;
  readonly #backlog: BacklogLimits;
  readonly #log: BatchLog;
  readonly #subscribers: Subscriber[] = [];
  #pending: Frame[] = [];
  #lastFlushed: number;
  #dueMs = Infinity;
  #burst: Burst | undefined;

  /** `lastSequence` is the newest frame of the stream when the group begins, -1 when there is none. */
  constructor(options: FanOutGroupOptions, lastSequence: number) {
    this.#clock = options.clock;
    this.#format = options.format;
    this.#source = options.source;
    this.#backlog = options.backlog;
    this.#lastFlushed = lastSequence;
    this.#log = new BatchLog({ maxBytes: options.backlog.softBytes, maxAgeMs: options.backlog.softMs });
  }

  get viewers(): number {
    return this.#subscribers.length;
  }

  /** Adds a viewer that starts at the newest keyframe at once, or with `skipping` at the next one. */
  add(sink: Sink, ended: (reason: CloseReason) => void, state: 'waiting' | 'skipping'): Subscriber {
    const subscriber = this.#insert(new Subscriber({ sink, ended, state, group: this }));
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
    const subscriber = this.#insert(new Subscriber({ sink, ended, state: 'waiting', group: this }));
    // Of what is pending it has a part already, from another source: the batch with that is for the others alone.
    const isAhead = sequence > this.#lastFlushed;
    if (isAhead) this.cut();
    const flushed = missed.filter((frame) => frame.sequence <= this.#lastFlushed);
    subscriber.hasPreamble = true;
    if (flushed.length > 0) subscriber.write(this.#format.encode(flushed));
    this.#follow(subscriber);
    if (isAhead) this.sweep();
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

  /** Takes a frame, which is to leave by that time. */
  push(frame: Frame, dueMs: number): void {
    this.#pending.push(frame);
    if (dueMs < this.#dueMs) this.#dueMs = dueMs;
  }

  /** When what is pending has to leave; `Infinity` when nothing is. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Makes a batch of what is pending and writes it. */
  flush(): void {
    this.cut();
    this.sweep();
  }

  /** Makes a batch of what is pending. */
  cut(): void {
    const frames = this.#pending;
    const last = frames[frames.length - 1];
    if (last === undefined) return;
    this.#pending = [];
    this.#burst = undefined;
    this.#lastFlushed = last.sequence;
    this.#dueMs = Infinity;
    const bytes = this.#format.encode(frames);
    if (bytes.length > 0) this.#log.append(bytes, last.sequence, this.#clock.nowMs());
  }

  /** How long the oldest frame that a viewer has not been written yet has waited for it. */
  lagMs(subscriber: Subscriber): number {
    if (subscriber.state !== 'following') {
      return subscriber.blockedMs;
    }
    const next = this.#log.get(subscriber.cursor);
    return next === undefined ? 0 : this.#clock.nowMs() - next.flushedAtMs;
  }

  /** Writes each viewer what it lacks and can take, and ends those that are too slow. */
  sweep(): void {
    const nowMs = this.#clock.nowMs();
    let oldestNeeded = this.#log.head;
    // Backwards, because ending a viewer moves the last one into its place.
    for (let index = this.#subscribers.length - 1; index >= 0; index--) {
      const subscriber = this.#subscribers[index];
      if (subscriber === undefined) continue;
      this.#pump(subscriber, nowMs);
      if (subscriber.state === 'following') oldestNeeded = Math.min(oldestNeeded, subscriber.cursor);
    }
    this.#log.dropBefore(oldestNeeded);
  }

  /** Ends every viewer, after writing what they are owed: at most their soft limit, also to one that is behind. */
  close(reason: CloseReason): void {
    this.flush();
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
