import type { CloseReason } from '@headwater/contracts';
import type { Sink } from './sink.ts';

/**
 * Where a subscriber stands:
 * `waiting` for a first keyframe; `following` the batches; `skipping` to the next keyframe because it fell behind or
 * was told to; `detached` for good.
 */
export type SubscriberState = 'waiting' | 'following' | 'skipping' | 'detached';

/** How far a subscriber may lie behind: beyond soft it jumps to a keyframe, beyond hard it is ended as a slow viewer. */
export interface BacklogLimits {
  readonly softBytes: number;
  readonly softMs: number;
  readonly hardBytes: number;
  readonly hardMs: number;
}

/** Defaults for viewers. */
export const defaultBacklogLimits: BacklogLimits = {
  softBytes: 1024 * 1024,
  softMs: 2_000,
  hardBytes: 8 * 1024 * 1024,
  hardMs: 10_000,
};

/** What a viewer's session keeps of its subscription. */
export interface Subscription {
  readonly state: SubscriberState;
  readonly bytesWritten: number;
  readonly droppedFrames: number;
  /** How far the viewer is behind, in milliseconds. */
  readonly lagMs: number;
  /** Stops delivery without calling `ended`. Twice does nothing. */
  detach(): void;
}

/** Those that a subscriber is written together with. */
export interface SubscriberGroup {
  /** Stops delivery. Twice does nothing. */
  remove(subscriber: Subscriber): void;
  /** How long the oldest frame that the subscriber has not been written yet has waited for it. */
  lagMs(subscriber: Subscriber): number;
}

/** What a subscriber is made of. */
export interface SubscriberOptions {
  readonly sink: Sink;
  readonly group: SubscriberGroup;
  readonly state: 'waiting' | 'skipping';
  readonly ended: (reason: CloseReason) => void;
}

/** One viewer in one fan-out: a sink and a position. Its group alone changes it. */
export class Subscriber {
  readonly group: SubscriberGroup;
  readonly sink: Sink;
  readonly ended: (reason: CloseReason) => void;
  state: SubscriberState;
  /** Number of the next batch to write; meaningful while `following`. */
  cursor = 0;
  /** The newest frame it has got, or has given up while `skipping`; -1 before any. */
  lastSequence = -1;
  /** How long its sink has not been empty at any visit. */
  blockedMs = 0;
  /** When it was last found so. */
  blockedSeenMs: number | undefined;
  bytesWritten = 0;
  droppedFrames = 0;
  hasPreamble = false;
  /** Index in the group's array, for removal in O(1). */
  index = -1;

  constructor({ sink, group, state, ended }: SubscriberOptions) {
    this.sink = sink;
    this.group = group;
    this.state = state;
    this.ended = ended;
  }

  write(bytes: Buffer): void {
    this.bytesWritten += bytes.length;
    this.sink.write(bytes);
  }
}
