import { Histogram, type HistogramCounts } from '../measure/histogram.ts';

/** What the viewers of one process saw during a window, in a form that travels between processes. */
export interface WindowReport {
  /** What the sockets say they have read. */
  readonly socketBytes: number;
  /** The same, from the number of frames and their known sizes. */
  readonly countedBytes: number;
  readonly videoFrames: number;
  readonly latency: HistogramCounts;
  /** Pauses of over a second between two video frames of one viewer. */
  readonly stalls: number;
  /** Video frames that a viewer never got although it got a later one. */
  readonly lostFrames: number;
  /** Video frames that came again or out of order. */
  readonly repeatedFrames: number;
  /** Connections that ended although nobody asked them to. */
  readonly disconnects: number;
  /** The generator's own CPU time as a share of the window. */
  readonly ownCpuShare: number;
  /** How late timers of the generator ran. */
  readonly ownDelay: HistogramCounts;
}

/** How joining went, for all viewers since the start. */
export interface JoinReport {
  readonly joined: number;
  readonly join: HistogramCounts;
  /** Why viewers could not join: reason and count. */
  readonly failures: Readonly<Record<string, number>>;
}

/** The counters that all viewers of a process share; nothing is allocated while they are kept. */
export class FleetStats {
  /** When the bytes now being read arrived; set once per read. */
  readAtUs = 0;
  countedBytes = 0;
  videoFrames = 0;
  stalls = 0;
  lostFrames = 0;
  repeatedFrames = 0;
  disconnects = 0;
  joined = 0;
  readonly latency: Histogram = new Histogram();
  readonly join: Histogram = new Histogram();
  readonly failures = new Map<string, number>();

  /** Starts a window: counters of the joining end here. */
  clear(): void {
    this.countedBytes = 0;
    this.videoFrames = 0;
    this.stalls = 0;
    this.lostFrames = 0;
    this.repeatedFrames = 0;
    this.disconnects = 0;
    this.latency.clear();
  }

  failed(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }
}
