import type { TimelineCounters } from '@headwater/media';
import type { EdgeFigures } from './edge-figures.ts';
import type { EdgeStream } from './edge-stream.ts';

const nothingYet: TimelineCounters = { splices: 0, clamped: 0, dropped: 0 };

/** Adds what the timelines of streams have come to up, each frame once. */
export class TimelineTally {
  readonly #figures: Pick<EdgeFigures, 'timeline'>;
  readonly #counted = new WeakMap<EdgeStream, TimelineCounters>();

  constructor(figures: Pick<EdgeFigures, 'timeline'>) {
    this.#figures = figures;
  }

  /** Counts what is new since the last time. */
  count(stream: EdgeStream): void {
    const now = stream.timelineCounters;
    this.#figures.timeline(now, this.#counted.get(stream) ?? nothingYet);
    this.#counted.set(stream, now);
  }
}
