// One rising timeline out of many publish sessions: what lets viewers stay connected when their publisher comes back.
import type { Clock } from '@headwater/contracts';
import type { Frame } from './frame.ts';

/** What happens at the start of each session on the timeline. */
export interface Splice {
  readonly epoch: number;
  /** `first`: the timeline begins; `epoch`: a newer session; `jump`: the session's own clock jumped. */
  readonly cause: 'first' | 'epoch' | 'jump';
  /** Output time of the session's first frame and its headers. */
  readonly atMs: number;
  /** Output time minus the session's own time, the same for audio and video. */
  readonly offsetMs: number;
}

/** Where the timeline goes. */
export interface TimelineOutput {
  /** Called before the headers and frames of each session: all that is cached of the one before is void. */
  spliced(splice: Splice): void;
  /** The next frame; sequence numbers count from 0 without gaps over all sessions. */
  frame(frame: Frame): void;
}

/** Limits of the splice; all have defaults. */
export interface TimelineOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly output: TimelineOutput;
}

/** What happened so far. */
export interface TimelineCounters {
  readonly splices: number;
  readonly clamped: number;
  readonly dropped: number;
}

/** Joins the sessions of one stream. */
export class Timeline {
  constructor(options: TimelineOptions) {
    throw new Error(`not built yet ${options.clock.nowMs().toString()}`);
  }

  /** The highest epoch seen; -1 before the first frame. */
  get epoch(): number {
    throw new Error('not built yet');
  }

  /** True while nothing can be shown: before the first keyframe of a session. */
  get isWaiting(): boolean {
    throw new Error('not built yet');
  }

  get counters(): TimelineCounters {
    throw new Error('not built yet');
  }

  /** Takes the next frame of a session. */
  push(epoch: number, frame: Frame): void {
    throw new Error(`not built yet ${epoch.toString()} ${frame.sequence.toString()}`);
  }
}
