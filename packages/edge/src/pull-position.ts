import type { Frame } from '@headwater/media';
import type { OpenedInfo, ResumePoint } from '@headwater/relay';

/** How far a stream was received: what the next pull has to go on after, and what it may bring again. */
export class PullPosition {
  #epoch = 0;
  #nextSequence = 0;
  /** Whether the epoch has brought media, and so the headers before it: only then can a pull go on after it. */
  #hasMedia = false;

  /** The epoch of the newest pull that opened, 0 before any. */
  get epoch(): number {
    return this.#epoch;
  }

  get resume(): ResumePoint | undefined {
    return this.#hasMedia ? { epoch: this.#epoch, sequence: this.#nextSequence } : undefined;
  }

  /** True when nothing is missing between what was received and what a pull that opened so will bring. */
  isJoinedBy({ epoch, firstSequence }: OpenedInfo): boolean {
    return epoch !== this.#epoch || firstSequence <= this.#nextSequence;
  }

  /** A pull opened. */
  open({ epoch, firstSequence }: OpenedInfo): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#nextSequence = firstSequence;
    this.#hasMedia = false;
  }

  /**
   * Takes frames of the pull that opened last and returns them without those received before: a pull that could not go
   * on where the last one broke starts at a keyframe. Headers and metadata come again at each start, and do no harm.
   */
  take(frames: readonly Frame[]): readonly Frame[] {
    const isRepeat = (frame: Frame): boolean => frame.sequence < this.#nextSequence && isMedia(frame);
    const fresh = frames.some(isRepeat) ? frames.filter((frame) => !isRepeat(frame)) : frames;
    const last = fresh[fresh.length - 1];
    if (last !== undefined) this.#nextSequence = Math.max(this.#nextSequence, last.sequence + 1);
    this.#hasMedia ||= fresh.some(isMedia);
    return fresh;
  }
}

/** True for what is shown or heard, false for what describes it. */
export function isMedia({ role }: Frame): boolean {
  return role === 'keyframe' || role === 'media';
}
