import type { Frame } from './frame.ts';
import type { TrackPresence } from './stream-format.ts';

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
