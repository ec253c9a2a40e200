// When the groups of a fan-out flush. A frame waits longest that comes right after a flush, so flushes follow upon frames:
// as many frames are gathered as fit into the window, and the next one is not waited for in vain. The groups have their
// turns one after the other, so that the writes are spread over the window although no viewer waits longer for it.

// A frame may come a little later than its time: what would fill the window to its brim is left out.
const jitterMs = 5;
// Of the mean distance, each new one.
const share = 1 / 8;
// A gap this long is no distance of frames.
const longestIntervalMs = 1_000;

/** Counts the frames that viewers can show, and says whose turn it is. */
export class FlushPace {
  #frames = 0;
  #newestMs: number | undefined;
  #intervalMs = Infinity;

  /** Takes the time of the next frame; what has the time of the frame before it belongs to that one. */
  count(timestampMs: number): void {
    const intervalMs = timestampMs - (this.#newestMs ?? timestampMs);
    this.#newestMs = timestampMs;
    if (intervalMs === 0) return;
    this.#frames++;
    if (intervalMs < 0 || intervalMs > longestIntervalMs) return;
    if (this.#intervalMs === Infinity) this.#intervalMs = intervalMs;
    else this.#intervalMs += (intervalMs - this.#intervalMs) * share;
  }

  /** How many frames are gathered at most when the first of them may wait for the last no longer than that. */
  framesIn(windowMs: number): number {
    return 1 + Math.floor(Math.max(0, windowMs - jitterMs) / this.#intervalMs);
  }

  /** Whether the group with that number flushes at the frame just counted, once in so many frames. */
  isTurn(group: number, roundFrames: number): boolean {
    return (this.#frames + group) % roundFrames === 0;
  }
}
