// One timeline for tracks that count in rates and from starts of their own. How they relate is decided once, from the best
// that the source tells: the RTP times at which all begin (RTP-Info), else sender reports of all, else the arrival of each
// track's first packet. Nothing is moved afterwards: a step in one track would be worse than a constant offset.
import { RtpClock } from './rtp-clock.ts';
import type { RtspTrack, SenderReport } from './rtsp-track.ts';

interface Anchor {
  readonly ticks: number;
  readonly ms: number;
}

interface TimedTrack {
  readonly clock: RtpClock;
  readonly startTimestamp: number | undefined;
  first?: Anchor;
  report?: Anchor;
  anchor?: Anchor;
}

/** By what the tracks were put in relation. */
export type TimelineBase = 'announced' | 'reports' | 'arrival';

/** How far a first packet may be from the start that was announced for it. */
const plausibleSeconds = { before: 2, after: 10 };

/** Milliseconds of all tracks of one source. */
export class RtpTimeline {
  readonly #tracks: readonly TimedTrack[];
  #base: TimelineBase | undefined;

  constructor(tracks: readonly Pick<RtspTrack, 'clockRate' | 'startTimestamp'>[]) {
    this.#tracks = tracks.map(({ clockRate, startTimestamp }) => ({
      clock: new RtpClock(clockRate),
      startTimestamp,
    }));
  }

  /** Undefined until it is decided. */
  get base(): TimelineBase | undefined {
    return this.#base;
  }

  /** Ticks of a packet, beyond 32 bits. Throws `RtpTimeJump`. */
  arrived(index: number, timestamp: number, nowMs: number): number {
    const track = this.#track(index);
    const ticks = track.clock.unwrap(timestamp);
    track.first ??= { ticks, ms: nowMs };
    // One that begins after the decision joins by its arrival, unless it was told how.
    if (this.#base !== undefined) track.anchor ??= track.first;
    return ticks;
  }

  /** A sender report; looked at only while nothing is decided. */
  reported(index: number, { ntpMs, rtpTimestamp }: SenderReport): void {
    if (this.#base !== undefined) return;
    const track = this.#track(index);
    track.report = { ticks: track.clock.near(rtpTimestamp), ms: ntpMs };
  }

  /** Decides, when what is known is enough or when it has to be now. True once it is decided. */
  decide(isUrgent: boolean): boolean {
    if (this.#base !== undefined) return true;
    if (this.#tracks.every(isPlausible)) {
      this.#settle('announced', ({ clock, startTimestamp = 0 }) => ({
        ticks: clock.near(startTimestamp),
        ms: 0,
      }));
    } else if (this.#tracks.every(({ report, first }) => report !== undefined && first !== undefined)) {
      this.#settle('reports', ({ report }) => report);
    } else if (isUrgent || this.#tracks.length === 1) {
      this.#settle('arrival', ({ first }) => first);
    } else {
      return false;
    }
    return true;
  }

  /** The time of ticks that `arrived` returned, in ms from a start that all tracks share. */
  timeMs(index: number, ticks: number): number {
    const { anchor, clock } = this.#track(index);
    return anchor === undefined ? 0 : anchor.ms + ((ticks - anchor.ticks) * 1_000) / clock.rate;
  }

  #settle(base: TimelineBase, anchorOf: (track: TimedTrack) => Anchor | undefined): void {
    this.#base = base;
    for (const track of this.#tracks) {
      const anchor = anchorOf(track);
      if (anchor !== undefined) track.anchor = anchor;
    }
  }

  #track(index: number): TimedTrack {
    const track = this.#tracks[index];
    if (track === undefined) throw new RangeError(`no track ${index}`);
    return track;
  }
}

function isPlausible({ clock, startTimestamp, first }: TimedTrack): boolean {
  if (startTimestamp === undefined) return false;
  if (first === undefined) return true;
  const seconds = (first.ticks - clock.near(startTimestamp)) / clock.rate;
  return seconds >= -plausibleSeconds.before && seconds <= plausibleSeconds.after;
}
