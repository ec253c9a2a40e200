// The arithmetic of a timeline: one offset for all kinds of a session, times that never step back within a kind, and the
// judgement whether a session's own clock still runs on or has jumped. All times in here are output times.
import type { Frame, FrameKind } from './frame.ts';

/** The gap that a splice leaves at most: players stall on, or sit out, longer holes. */
export const maxSpliceGapMs = 10_000;
/** Steps back up to this are clamped; larger ones are a jump. */
export const maxStepBackMs = 500;
/** Steps forward above this, when no such time went by, are a jump. */
export const maxStepForwardMs = 5_000;

// Tracks whose clocks are apart by more than a jump are let through once they have proved to stay so for this long.
const strayTrackMs = 2_000;
const firstFrameMs = 33;
const longestFrameMs = 200;

/** Where a frame belongs: at a time, nowhere (`drop`), or on a new piece of timeline (`jump`). */
export type Placement = number | 'drop' | 'jump';

interface Track {
  /** The newest output time; -Infinity before any. */
  lastMs: number;
  /** False until the piece has media of this kind. */
  isPlaced: boolean;
  /** When media far from the other kinds was first refused on this piece. */
  strayAtMs: number | undefined;
}

const newTrack = (): Track => ({ lastMs: -Infinity, isPlaced: false, strayAtMs: undefined });

/** The output clock of one timeline. A piece is what goes by one offset: a session, or a part of one between jumps. */
export class TimelineClock {
  readonly #tracks: Readonly<Record<FrameKind, Track>> = {
    audio: newTrack(),
    video: newTrack(),
    data: newTrack(),
  };
  #offsetMs = 0;
  #pieceStartMs = 0;
  #isStarted = false;
  #newestMs = 0;
  #newestAtMs = 0;
  #frameMs = firstFrameMs;
  #clamped = 0;

  /** Frames moved because their kind's time stepped back a little. */
  get clamped(): number {
    return this.#clamped;
  }

  /** Output time minus the current piece's own time. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /**
   * Begins a piece whose first frame has the given time of its own, and returns that frame's output time. The very first
   * piece keeps its times. Later ones begin after everything that came before: by the real time that has passed since,
   * at least a frame's duration, at most `maxSpliceGapMs`.
   */
  begin(ownMs: number, nowMs: number): number {
    const gapMs = Math.round(Math.min(Math.max(nowMs - this.#newestAtMs, this.#frameMs), maxSpliceGapMs));
    const startMs = this.#isStarted ? this.#newestMs + Math.max(1, gapMs) : ownMs;
    this.#isStarted = true;
    this.#offsetMs = startMs - ownMs;
    this.#pieceStartMs = startMs;
    this.#newestMs = startMs;
    this.#newestAtMs = nowMs;
    for (const track of Object.values(this.#tracks)) {
      track.isPlaced = false;
      track.strayAtMs = undefined;
    }
    return startMs;
  }

  /** Places audio or video media. */
  placeMedia(frame: Frame, nowMs: number): Placement {
    const track = this.#tracks[frame.kind];
    const ownMs = frame.timestampMs + this.#offsetMs;
    const aheadMs = this.#newestMs + maxStepForwardMs + (nowMs - this.#newestAtMs);
    if (track.isPlaced) {
      if (ownMs > aheadMs || ownMs < track.lastMs - maxStepBackMs) return 'jump';
    } else {
      // Media older than the piece's first frame arrived late: its neighbours are gone, and viewers are past it.
      if (ownMs < this.#pieceStartMs && ownMs >= this.#pieceStartMs - maxStepForwardMs) return 'drop';
      const isFar = ownMs < this.#pieceStartMs || ownMs > aheadMs;
      if (isFar && !this.#isSteadyStray(track, ownMs, nowMs)) return 'drop';
    }
    let atMs = ownMs;
    if (atMs < track.lastMs) {
      atMs = track.lastMs + 1;
      this.#clamped++;
    }
    this.#noteFrameTime(frame, atMs - track.lastMs);
    track.isPlaced = true;
    this.#advance(track, atMs, nowMs);
    return atMs;
  }

  /**
   * Places what has no media time to rely on: headers, metadata and other data often carry 0 or an old time. Such a frame
   * keeps its time where that fits, and is brought to its kind's or the stream's newest where not.
   */
  placeAside(frame: Frame, nowMs: number): number {
    const track = this.#tracks[frame.kind];
    let atMs = frame.timestampMs + this.#offsetMs;
    if (this.#tracks.audio.isPlaced || this.#tracks.video.isPlaced) {
      if (atMs > this.#newestMs + maxStepBackMs || atMs < this.#newestMs - maxStepForwardMs) {
        atMs = this.#newestMs;
      }
    }
    atMs = Math.max(atMs, track.lastMs, this.#pieceStartMs);
    this.#advance(track, atMs, nowMs);
    return atMs;
  }

  #isSteadyStray(track: Track, ownMs: number, nowMs: number): boolean {
    track.strayAtMs ??= nowMs;
    return nowMs - track.strayAtMs >= strayTrackMs && ownMs >= track.lastMs;
  }

  #noteFrameTime(frame: Frame, stepMs: number): void {
    const isMain = frame.kind === 'video' || !this.#tracks.video.isPlaced;
    if (isMain && stepMs > 0 && stepMs <= longestFrameMs) this.#frameMs = stepMs;
  }

  #advance(track: Track, atMs: number, nowMs: number): void {
    track.lastMs = atMs;
    if (atMs < this.#newestMs) return;
    this.#newestMs = atMs;
    this.#newestAtMs = nowMs;
  }
}
