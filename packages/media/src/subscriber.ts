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

/** One viewer in one fan-out: a sink and a position. The fan-out alone changes it. */
export class Subscriber {
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
  /** Index in the fan-out's array, for removal in O(1). */
  index = -1;

  constructor(sink: Sink, ended: (reason: CloseReason) => void, state: 'waiting' | 'skipping') {
    this.sink = sink;
    this.ended = ended;
    this.state = state;
  }

  write(bytes: Buffer): void {
    this.bytesWritten += bytes.length;
    this.sink.write(bytes);
  }
}
