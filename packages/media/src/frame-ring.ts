// The recent past of a stream: what a joiner starts from and what a resumed relay still can have.
import type { Frame } from './frame.ts';

/** Bounds of a ring. Whichever is reached first pushes the oldest frames out. */
export interface FrameRingLimits {
  readonly maxFrames?: number;
  readonly maxBytes?: number;
  readonly maxMs?: number;
}

/** How a ring keeps. */
export interface FrameRingOptions extends FrameRingLimits {
  /** `gop` forgets all before the newest keyframe, `all` keeps what the bounds allow. */
  readonly keep: 'gop' | 'all';
}

/** Recent frames with contiguous sequence numbers; a gap in the numbers empties it first. */
export class FrameRing {
  constructor(options: FrameRingOptions) {
    throw new Error(`not built yet ${options.keep}`);
  }

  /** Number of frames held. */
  get size(): number {
    throw new Error('not built yet');
  }

  /** Payload bytes held. */
  get bytes(): number {
    throw new Error('not built yet');
  }

  /** Sequence number of the oldest frame; equals `nextSequence` when empty. */
  get firstSequence(): number {
    throw new Error('not built yet');
  }

  /** The sequence number that the next frame is expected to have. */
  get nextSequence(): number {
    throw new Error('not built yet');
  }

  /** Where a joiner starts: the newest keyframe; in streams without video a frame some 2 s old. Undefined: wait. */
  get gopStart(): Frame | undefined {
    throw new Error('not built yet');
  }

  /** Appends a frame. */
  push(frame: Frame): void {
    throw new Error(`not built yet ${frame.sequence.toString()}`);
  }

  /** The frame with this number, while held. */
  at(sequence: number): Frame | undefined {
    throw new Error(`not built yet ${sequence.toString()}`);
  }

  /** The frames from `gopStart` on; empty when joiners must wait for the next keyframe. */
  gop(): Frame[] {
    throw new Error('not built yet');
  }

  /** All frames after this number (none when it is the newest), or undefined when some of them are gone. */
  after(sequence: number): Frame[] | undefined {
    throw new Error(`not built yet ${sequence.toString()}`);
  }

  /** `gopStart` when it lies after this number, else undefined. */
  newestKeyframeAfter(sequence: number): Frame | undefined {
    throw new Error(`not built yet ${sequence.toString()}`);
  }

  /** Joiners must wait for the next keyframe: the frames held do not go with the newest headers. */
  invalidateGop(): void {
    throw new Error('not built yet');
  }

  /** Drops all frames; `nextSequence` stays. */
  clear(): void {
    throw new Error('not built yet');
  }
}
