// The recent past of a stream: what a joiner starts from and what a resumed relay can still have. A circular buffer of
// frames with contiguous sequence numbers, so that finding a frame by number is one index and every push is O(1)
// amortised; a frame that is out is not referenced any more.
import type { Frame } from './frame.ts';
import { isDefaultVideo } from './tag-header-role.ts';

/** Bounds of a ring. Whichever is reached first pushes the oldest frames out. */
export interface FrameRingLimits {
  /** 2,500 unless told. */
  readonly maxFrames?: number;
  /** Of payload; 16 MiB unless told. The newest frame stays whatever its size. */
  readonly maxBytes?: number;
  /** Of media time; 15 s unless told. */
  readonly maxMs?: number;
}

/** How a ring keeps. */
export interface FrameRingOptions extends FrameRingLimits {
  /** `gop` forgets all before the newest keyframe, `all` keeps what the bounds allow. */
  readonly keep: 'gop' | 'all';
}

// Without video there is nothing to wait for: so much audio lets a player fill its buffer and start at once.
const audioStartMs = 2000;
// A publisher's clock that stepped back by more than this makes the distance between two frames meaningless.
const stepBackMs = 500;
const firstCapacity = 64;

/** Recent frames with contiguous sequence numbers; a gap in the numbers empties it first. */
export class FrameRing {
  readonly #keep: 'gop' | 'all';
  readonly #maxFrames: number;
  readonly #maxBytes: number;
  readonly #maxMs: number;
  // The length is a power of two; the frame with number n is at n modulo that.
  #frames: (Frame | undefined)[] = new Array<Frame | undefined>(firstCapacity).fill(undefined);
  #first = 0;
  #next = 0;
  #bytes = 0;
  // May have gone meanwhile.
  #keyframe: number | undefined;
  #newestVideo = -1;
  // Where joiners of a stream without video start; meaningful while no video is held.
  #audioStart = 0;

  constructor(options: FrameRingOptions) {
    this.#keep = options.keep;
    this.#maxFrames = options.maxFrames ?? 2500;
    this.#maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
    this.#maxMs = options.maxMs ?? 15_000;
  }

  /** Number of frames held. */
  get size(): number {
    return this.#next - this.#first;
  }

  /** Payload bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sequence number of the oldest frame; equals `nextSequence` when empty. */
  get firstSequence(): number {
    return this.#first;
  }

  /** The sequence number that the next frame is expected to have. */
  get nextSequence(): number {
    return this.#next;
  }

  /**
   * Where a joiner starts: the newest keyframe of the default track or, while only other media is held, a frame some 2 s
   * old. Undefined: nothing to start from, wait for the next keyframe. So it is when the bounds cut into the newest GOP.
   */
  get gopStart(): Frame | undefined {
    const hasVideo = this.#newestVideo >= this.#first;
    const start = hasVideo ? this.#keyframe : Math.max(this.#audioStart, this.#first);
    return start === undefined ? undefined : this.at(start);
  }

  /** Appends a frame. */
  push(frame: Frame): void {
    if (frame.sequence !== this.#next) {
      this.#next = frame.sequence;
      this.clear();
    }
    if (this.size === this.#frames.length) this.#grow();
    this.#frames[this.#next & (this.#frames.length - 1)] = frame;
    this.#next++;
    this.#bytes += frame.payload.length;
    if (frame.kind === 'video' && isDefaultVideo(frame.payload)) this.#newestVideo = frame.sequence;
    if (frame.role === 'keyframe') {
      this.#keyframe = frame.sequence;
      if (this.#keep === 'gop') this.#dropBefore(frame.sequence);
    }
    this.#trim(frame);
    if (frame.kind === 'audio' && this.#newestVideo < this.#first) this.#moveAudioStart(frame);
  }

  /** The frame with this number, while held. */
  at(sequence: number): Frame | undefined {
    if (sequence < this.#first || sequence >= this.#next) return undefined;
    return this.#frames[sequence & (this.#frames.length - 1)];
  }

  /** The frames from `gopStart` on; empty when joiners must wait for the next keyframe. */
  gop(): Frame[] {
    const start = this.gopStart;
    return start === undefined ? [] : this.#slice(start.sequence);
  }

  /** All frames after this number (none when it is the newest), or undefined when some of them are gone. */
  after(sequence: number): Frame[] | undefined {
    const from = sequence + 1;
    return from < this.#first || from > this.#next ? undefined : this.#slice(from);
  }

  /** Joiners must wait for what comes next: the frames held do not go with the newest headers. */
  invalidateGop(): void {
    this.#keyframe = undefined;
    this.#audioStart = this.#next;
  }

  /** Drops all frames; `nextSequence` stays. */
  clear(): void {
    this.#frames = new Array<Frame | undefined>(firstCapacity).fill(undefined);
    this.#first = this.#next;
    this.#bytes = 0;
    this.#newestVideo = -1;
    this.invalidateGop();
  }

  #trim(newest: Frame): void {
    while (this.size > 1 && (this.size > this.#maxFrames || this.#bytes > this.#maxBytes)) this.#dropOldest();
    // Data and headers often carry a time of no meaning.
    if (newest.kind === 'data' || newest.role === 'header') return;
    while (this.size > 1 && newest.timestampMs - (this.at(this.#first)?.timestampMs ?? 0) > this.#maxMs) {
      this.#dropOldest();
    }
  }

  // Only ever moves forward, so that all the steps together are at most one for each frame.
  #moveAudioStart(newest: Frame): void {
    let start = Math.max(this.#audioStart, this.#first);
    for (; start < newest.sequence; start++) {
      const frame = this.at(start);
      // Joiners get these in front anyway.
      if (frame?.role === 'header' || frame?.role === 'metadata') continue;
      const ageMs = newest.timestampMs - (frame?.timestampMs ?? 0);
      if (ageMs <= audioStartMs && ageMs >= -stepBackMs) break;
    }
    this.#audioStart = start;
    if (this.#keep === 'gop') this.#dropBefore(start);
  }

  #dropBefore(sequence: number): void {
    while (this.#first < sequence) this.#dropOldest();
  }

  #dropOldest(): void {
    const index = this.#first & (this.#frames.length - 1);
    this.#bytes -= this.#frames[index]?.payload.length ?? 0;
    this.#frames[index] = undefined;
    this.#first++;
  }

  #slice(from: number): Frame[] {
    const frames: Frame[] = [];
    for (let sequence = from; sequence < this.#next; sequence++) {
      const frame = this.at(sequence);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  #grow(): void {
    const grown = new Array<Frame | undefined>(this.#frames.length * 2).fill(undefined);
    for (let sequence = this.#first; sequence < this.#next; sequence++) {
      grown[sequence & (grown.length - 1)] = this.at(sequence);
    }
    this.#frames = grown;
  }
}
