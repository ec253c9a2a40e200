// RTP carries when a picture is shown; FLV wants when it is decoded, and the difference. The order of arrival is that of
// decoding, so the decoding times are the presentation times in ascending order, behind by as many pictures as are
// reordered. How many that are shows when the first one comes late.

const maxReordered = 16;

/** A picture's times in ms. `compositionMs` may be negative only where reordering was noticed late. */
export interface PictureTimes {
  readonly decodeMs: number;
  readonly compositionMs: number;
}

/** Decoding times of one video track. */
export class DecodeTimes {
  /** The latest presentation times, ascending: one more than pictures are reordered. */
  readonly #window: number[] = [];
  #reordered = 0;
  #lastDecodeMs = -Infinity;

  /** Looks at the presentation times of the first pictures, in order of arrival, so that none is noticed late. */
  learn(presentationMs: readonly number[]): void {
    for (const timeMs of presentationMs) this.#note(timeMs);
    this.#window.length = 0;
  }

  /** The times of the next picture in order of arrival. Decoding times never go back. */
  next(presentationMs: number): PictureTimes {
    this.#note(presentationMs);
    const [earliest = presentationMs] = this.#window.slice(-(this.#reordered + 1));
    const decodeMs = Math.max(this.#lastDecodeMs, earliest);
    this.#lastDecodeMs = decodeMs;
    return { decodeMs, compositionMs: presentationMs - decodeMs };
  }

  #note(presentationMs: number): void {
    let later = 0;
    while (later < this.#window.length && (this.#window.at(-1 - later) ?? 0) > presentationMs) later++;
    this.#window.splice(this.#window.length - later, 0, presentationMs);
    this.#reordered = Math.min(Math.max(this.#reordered, later), maxReordered);
    if (this.#window.length > maxReordered + 1) this.#window.shift();
  }
}
