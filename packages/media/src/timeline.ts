// One rising timeline out of many publish sessions: what lets viewers stay connected when their publisher comes back.
//   session frames → (epoch fence) → gate: wait for a start → clock: one offset for all kinds → numbered output frames
// A session whose own clock jumps is cut there and goes through the gate again, as a new piece of the same epoch.
import type { Clock } from '@headwater/contracts';
import { CodecState } from './codec-state.ts';
import type { Frame } from './frame.ts';
import { TimelineClock } from './timeline-clock.ts';
import { TimelineGate, audioProbeMs, videoWaitMs } from './timeline-gate.ts';

/** A point where output goes over to another session, or to another clock within one. */
export interface Splice {
  readonly epoch: number;
  /** `first`: the timeline begins; `epoch`: a newer session; `jump`: the session's own clock jumped. */
  readonly cause: 'first' | 'epoch' | 'jump';
  /** Output time of the first frame and of the headers before it. */
  readonly atMs: number;
  /** Output time minus the session's own time, the same for audio and video. */
  readonly offsetMs: number;
}

/** Where the timeline goes. */
export interface TimelineOutput {
  /** Called before the headers and frames of each piece: all that is cached of the one before is void. */
  spliced(splice: Splice): void;
  /** The next frame; sequence numbers count from 0 without gaps over all sessions. */
  frame(frame: Frame): void;
}

/** What a timeline needs. */
export interface TimelineOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly output: TimelineOutput;
}

/** What happened so far. */
export interface TimelineCounters {
  /** Pieces after the first. */
  readonly splices: number;
  /** Frames whose time was moved up because it stepped back a little. */
  readonly clamped: number;
  /** Frames that were not sent: stale epochs, repetitions, what cannot be decoded, strays. */
  readonly dropped: number;
}

// A clock that jumps all the time costs its own viewers only, not their nodes: each piece sends all headers again.
const minPieceMs = 1_000;
// So many audio frames in a row must be off before picture and sound are cut for it; one alone is a stray.
const strayAudioFrames = 3;

/**
 * Joins the sessions of one stream, by the rules of each session's start: nothing of a lower epoch once a higher one was
 * seen; nothing before a keyframe (or audio, see `TimelineGate`); all headers again, with the first frame's time.
 */
export class Timeline {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #output: TimelineOutput;
  readonly #codecs = new CodecState();
  readonly #gate = new TimelineGate();
  readonly #times = new TimelineClock();
  #epoch = -1;
  /** Why the gate is closed; undefined while frames pass. */
  #waitingFor: Splice['cause'] | undefined = 'first';
  #nextInput = 0;
  #nextOutput = 0;
  #isVideoOpen = false;
  /** Whether viewers had video from the piece before. */
  #hadVideo = false;
  #strayAudio = 0;
  #pieceAtMs = 0;
  #splices = 0;
  #dropped = 0;

  constructor(options: TimelineOptions) {
    this.#clock = options.clock;
    this.#output = options.output;
  }

  /** The highest epoch seen; -1 before the first frame. */
  get epoch(): number {
    return this.#epoch;
  }

  /** True while nothing can be shown: before the first keyframe of a session. */
  get isWaiting(): boolean {
    return this.#waitingFor !== undefined;
  }

  /** Counts from the beginning of the timeline. */
  get counters(): TimelineCounters {
    return {
      splices: this.#splices,
      clamped: this.#times.clamped,
      dropped: this.#dropped + this.#gate.dropped,
    };
  }

  /** Takes the next frame of a session, with its number and time there. */
  push(epoch: number, frame: Frame): void {
    if (epoch < this.#epoch) {
      this.#dropped++;
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (epoch > this.#epoch) this.#beginEpoch(epoch, nowMs);
    if (!this.#follow(frame)) {
      this.#dropped++;
      return;
    }
    this.#codecs.accept(frame);
    if (this.#waitingFor === undefined) this.#pass(frame, nowMs);
    else this.#wait(frame, nowMs);
  }

  #beginEpoch(epoch: number, nowMs: number): void {
    this.#epoch = epoch;
    this.#codecs.clear();
    this.#nextInput = 0;
    this.#waitingFor = this.#nextOutput === 0 ? 'first' : 'epoch';
    this.#gate.open(nowMs, this.#hadVideo ? videoWaitMs : audioProbeMs);
  }

  // False for media that was there before. A relay sends headers out of turn, so that their numbers say little.
  #follow(frame: Frame): boolean {
    if (frame.role === 'header' || frame.role === 'metadata') {
      if (frame.sequence === this.#nextInput) this.#nextInput++;
      return true;
    }
    if (frame.sequence < this.#nextInput) return false;
    // What refers to lost frames cannot be decoded.
    if (frame.sequence > this.#nextInput) this.#isVideoOpen = false;
    this.#nextInput = frame.sequence + 1;
    return true;
  }

  #wait(frame: Frame, nowMs: number): void {
    const start = this.#gate.offer(frame, nowMs, this.#codecs);
    if (start === undefined) return;
    const cause = this.#waitingFor ?? 'jump';
    const atMs = this.#times.begin(start.ownMs, nowMs);
    if (cause !== 'first') this.#splices++;
    this.#waitingFor = undefined;
    this.#isVideoOpen = false;
    this.#hadVideo = false;
    this.#strayAudio = 0;
    this.#pieceAtMs = nowMs;
    this.#output.spliced({ epoch: this.#epoch, cause, atMs, offsetMs: this.#times.offsetMs });
    for (const header of this.#codecs.headers(start.ownMs)) {
      this.#emit(header, this.#times.placeAside(header, nowMs));
    }
    for (const first of start.frames) this.#pass(first, nowMs);
  }

  #pass(frame: Frame, nowMs: number): void {
    if (frame.kind === 'data' || frame.role === 'header') {
      this.#emit(frame, this.#times.placeAside(frame, nowMs));
      return;
    }
    if (!this.#isPassable(frame, nowMs)) {
      this.#dropped++;
      return;
    }
    const placed = this.#times.placeMedia(frame, nowMs);
    if (placed === 'jump') {
      this.#jump(frame, nowMs);
      return;
    }
    if (placed === 'drop') {
      this.#drop(frame);
      return;
    }
    if (frame.kind === 'audio') this.#strayAudio = 0;
    else if (frame.role === 'keyframe') this.#isVideoOpen = this.#hadVideo = true;
    this.#emit(frame, placed);
  }

  #isPassable(frame: Frame, nowMs: number): boolean {
    if (frame.kind === 'audio') return this.#gate.isDecodable(frame, nowMs, this.#codecs);
    if (this.#isVideoOpen) return true;
    if (frame.role === 'keyframe') return this.#gate.isDecodable(frame, nowMs, this.#codecs);
    // Video of unknown codecs has no keyframes to wait for and is relayed as it comes.
    return this.#codecs.codecOf('video') === undefined;
  }

  #jump(frame: Frame, nowMs: number): void {
    const isStray = frame.kind === 'audio' && this.#hadVideo && ++this.#strayAudio < strayAudioFrames;
    if (isStray || nowMs - this.#pieceAtMs < minPieceMs) {
      this.#drop(frame);
      return;
    }
    this.#waitingFor = 'jump';
    this.#gate.open(nowMs, this.#hadVideo ? videoWaitMs : 0);
    this.#wait(frame, nowMs);
  }

  #drop(frame: Frame): void {
    this.#dropped++;
    if (frame.kind === 'video') this.#isVideoOpen = false;
  }

  #emit(frame: Frame, timestampMs: number): void {
    const sequence = this.#nextOutput++;
    if (frame.sequence === sequence && frame.timestampMs === timestampMs) {
      this.#output.frame(frame);
      return;
    }
    const { kind, role, payload } = frame;
    this.#output.frame({ kind, role, sequence, timestampMs, payload });
  }
}
