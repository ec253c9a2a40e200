// What an operator asks after an encoder came back or an origin died: how long there was no picture here. A hold says when the
// edge knew that nobody delivers; this says what came, from the last frame of one epoch to the first media of the next.
import type { Clock } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import { isMedia } from './pull-position.ts';

/** Who brings the next epoch: the origin that brought the last one, or another. */
export type EpochOutcome = 'republished' | 'failed_over';

/** The gaps between the epochs of one stream. */
export class EpochGap {
  readonly #clock: Clock;
  readonly #ended: (outcome: EpochOutcome, gapMs: number) => void;
  #epoch = 0;
  #owner: string | undefined;
  #lastMs = 0;

  /** `ended` is told of each gap when it is over. */
  constructor(clock: Clock, ended: (outcome: EpochOutcome, gapMs: number) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** Frames came, all of one epoch; `owner` is whose they are. */
  frames(epoch: number, frames: readonly Frame[], owner: string | undefined): void {
    const nowMs = this.#clock.nowMs();
    if (epoch !== this.#epoch) {
      // Headers describe a picture; they are none.
      if (!frames.some(isMedia)) return;
      const outcome = owner === this.#owner ? 'republished' : 'failed_over';
      if (this.#epoch !== 0) this.#ended(outcome, nowMs - this.#lastMs);
      this.#epoch = epoch;
      this.#owner = owner;
    }
    this.#lastMs = nowMs;
  }
}
