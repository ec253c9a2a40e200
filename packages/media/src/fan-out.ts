// One stream in one wire format towards any number of viewers. They are in groups: each group flushes by itself, and all
// of its viewers get the same Buffer by one write each. What costs is the number of write calls, so the window between
// flushes grows with the audience; what delays everything else is the number of them in one go, so the groups take turns.
import type { Clock, CloseReason, Timer } from '@headwater/contracts';
import { FanOutGroup } from './fan-out-group.ts';
import { FlushPace } from './flush-pace.ts';
import type { Frame } from './frame.ts';
import type { JoinSource } from './join-source.ts';
import { sharedEncoding } from './shared-encoding.ts';
import type { Sink } from './sink.ts';
import type { StreamFormat } from './stream-format.ts';
import type { BacklogLimits, Subscriber } from './subscriber.ts';

/** From `viewers` viewers on, frames are gathered for up to `windowMs`; 0 flushes each video frame. */
export interface FlushStep {
  readonly viewers: number;
  readonly windowMs: number;
}

/** How a fan-out batches its writes. */
export interface FanOutOptions {
  readonly clock: Clock;
  readonly format: StreamFormat;
  readonly source: JoinSource;
  readonly backlog: BacklogLimits;
  /** In rising order of viewers, the first for 0. */
  readonly flushSteps: readonly FlushStep[];
}

// Audio leaves with the next video frame; when video stays away it leaves after this long.
const audioHoldMs = 100;
// Viewers written in one go: some milliseconds of work.
const groupViewers = 250;
// Between two groups that have their turn at the same frame: as short as a timer can be, so that others get theirs.
const spacingMs = 1;

/** Delivers one stream in one format. Created by `LiveStream` for the first viewer, dropped with the last. */
export class FanOut {
  readonly #options: FanOutOptions;
  readonly #format: StreamFormat;
  readonly #pace = new FlushPace();
  #groups: FanOutGroup[] = [];
  #lastSequence: number;
  /** Groups that have a batch to write. */
  readonly #turns: FanOutGroup[] = [];
  #turnTimer: Timer | undefined;
  /** Looks after frames that have waited long enough for others. */
  #holdTimer: Timer | undefined;
  #holdMs = Infinity;

  /** `lastSequence` is the newest frame of the stream when the fan-out begins, -1 when there is none. */
  constructor(options: FanOutOptions, lastSequence: number) {
    this.#options = options;
    this.#format = sharedEncoding(options.format);
    this.#lastSequence = lastSequence;
  }

  get viewers(): number {
    return this.#groups.reduce((sum, group) => sum + group.viewers, 0);
  }

  /** Adds a viewer that starts at the newest keyframe at once, or with `skipping` at the next one. */
  add(sink: Sink, ended: (reason: CloseReason) => void, state: 'waiting' | 'skipping'): Subscriber {
    return this.#groupWithRoom().add(sink, ended, state);
  }

  /** Adds a viewer that has everything up to `sequence`; undefined when frames after it are gone. */
  addAfter(sequence: number, sink: Sink, ended: (reason: CloseReason) => void): Subscriber | undefined {
    return this.#groupWithRoom().addAfter(sequence, sink, ended);
  }

  push(frame: Frame): void {
    this.#lastSequence = frame.sequence;
    const { hasVideo } = this.#options.source.tracks;
    const isShown = frame.kind === 'video' ? frame.role !== 'header' : frame.kind === 'audio' && !hasVideo;
    if (isShown) this.#pace.count(frame.timestampMs);
    const windowMs = this.#windowMs();
    const dueMs = this.#options.clock.nowMs() + windowMs + (isShown ? 0 : audioHoldMs);
    const roundFrames = this.#pace.framesIn(windowMs);
    for (let index = 0; index < this.#groups.length; index++) {
      const group = this.#groups[index];
      group?.push(frame, dueMs);
      if (group !== undefined && isShown && this.#pace.isTurn(index, roundFrames)) this.#hasTurn(group);
    }
    // First, because writing may end the last viewer, and with it all of this.
    this.#holdUntil(dueMs);
    if (this.#turnTimer === undefined) this.#writeNext();
  }

  /** Looks after viewers that are behind while no frames come: writes what they can take, ends those that are too slow. */
  sweep(): void {
    this.#dropEmptyGroups();
    for (const group of this.#groups) group.sweep();
  }

  /** Ends every viewer, after writing what they are owed: at most their soft limit, also to one that is behind. */
  close(reason: CloseReason): void {
    this.#turnTimer?.cancel();
    this.#holdTimer?.cancel();
    this.#turns.length = 0;
    for (const group of this.#groups) group.close(reason);
  }

  // One timer stays armed instead of one made and cancelled for each frame: when it fires early it is set again.
  #holdUntil(dueMs: number): void {
    if (dueMs >= this.#holdMs) return;
    this.#holdTimer?.cancel();
    this.#holdMs = dueMs;
    this.#holdTimer = this.#options.clock.after(Math.max(1, dueMs - this.#options.clock.nowMs()), () => {
      this.#holdMs = Infinity;
      this.#flushOverdue();
    });
  }

  #flushOverdue(): void {
    const nowMs = this.#options.clock.nowMs();
    let nextMs = Infinity;
    for (const group of this.#groups) {
      if (group.dueMs <= nowMs) this.#hasTurn(group);
      else nextMs = Math.min(nextMs, group.dueMs);
    }
    this.#holdUntil(nextMs);
    if (this.#turnTimer === undefined) this.#writeNext();
  }

  #hasTurn(group: FanOutGroup): void {
    group.cut();
    if (!this.#turns.includes(group)) this.#turns.push(group);
  }

  // One group is written at once; further ones let others have their turn in between.
  #writeNext(): void {
    this.#turnTimer = undefined;
    this.#turns.shift()?.sweep();
    if (this.#turns.length === 0) return;
    this.#turnTimer = this.#options.clock.after(spacingMs, () => {
      this.#writeNext();
    });
  }

  // The first one: those who join at the same time then share what they start with.
  #groupWithRoom(): FanOutGroup {
    const known = this.#groups.find(({ viewers }) => viewers < groupViewers);
    if (known !== undefined) return known;
    const group = new FanOutGroup({ ...this.#options, format: this.#format }, this.#lastSequence);
    this.#groups.push(group);
    return group;
  }

  #dropEmptyGroups(): void {
    if (this.#groups.every(({ viewers }) => viewers > 0)) return;
    for (const group of this.#groups) if (group.viewers === 0) group.close('client_closed');
    this.#groups = this.#groups.filter(({ viewers }) => viewers > 0);
  }

  #windowMs(): number {
    const { viewers } = this;
    let windowMs = 0;
    for (const step of this.#options.flushSteps) if (viewers >= step.viewers) windowMs = step.windowMs;
    return windowMs;
  }
}
