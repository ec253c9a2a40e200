import { framePeriodMs, type FrameVerdict, judgeFrame } from './good-stream-frames.ts';

/** What one viewer has seen since the last mark. */
export interface ViewerReport {
  /** Good frames of both kinds. */
  readonly frames: number;
  /** Longest time without a good video frame, the running one included. */
  readonly maxGapMs: number;
  /** Frames whose bytes were never sent by the good publisher. */
  readonly altered: number;
  /** Numbers left out. */
  readonly missing: number;
  /** Numbers that came again or out of order. */
  readonly disordered: number;
  /** Frames whose timestamp is not the constant shift away from what was sent. */
  readonly mistimed: number;
  /** True once the server closed the connection. */
  readonly isClosed: boolean;
}

type Kind = 'audio' | 'video';
type Counter = 'frames' | 'altered' | 'missing' | 'disordered' | 'mistimed';

/** Keeps count of one viewer's frames. Joining in the middle of the stream is fine, whatever the first number is. */
export class FrameLedger {
  isClosed = false;
  #counts: Record<Counter, number> = noCounts();
  #maxGapMs = 0;
  #lastFrameAtMs = performance.now();
  #timestampShiftMs: number | undefined;
  readonly #lastNumber: Record<Kind, number | undefined> = { audio: undefined, video: undefined };

  /** Takes a received tag body. */
  take(kind: Kind, timestampMs: number, body: Buffer): void {
    const verdict = judgeFrame(kind, body);
    if (verdict === 'header') return;
    if (verdict === 'altered') {
      this.#counts.altered += 1;
      return;
    }
    this.#counts.frames += 1;
    this.#order(kind, verdict.number);
    this.#time(verdict, timestampMs);
    if (kind === 'video') this.#closeGap();
  }

  /** Forgets what was counted, not where the stream is. The gap that is running goes on. */
  mark(): void {
    this.#counts = noCounts();
    this.#maxGapMs = 0;
  }

  report(): ViewerReport {
    const runningGapMs = performance.now() - this.#lastFrameAtMs;
    return { ...this.#counts, maxGapMs: Math.max(this.#maxGapMs, runningGapMs), isClosed: this.isClosed };
  }

  #order(kind: Kind, number: number): void {
    const last = this.#lastNumber[kind];
    if (last !== undefined && number <= last) {
      this.#counts.disordered += 1;
      return;
    }
    if (last !== undefined) this.#counts.missing += number - last - 1;
    this.#lastNumber[kind] = number;
  }

  #time(verdict: Exclude<FrameVerdict, string>, timestampMs: number): void {
    const shiftMs = timestampMs - verdict.number * framePeriodMs;
    this.#timestampShiftMs ??= shiftMs;
    if (shiftMs !== this.#timestampShiftMs) this.#counts.mistimed += 1;
  }

  #closeGap(): void {
    const now = performance.now();
    this.#maxGapMs = Math.max(this.#maxGapMs, now - this.#lastFrameAtMs);
    this.#lastFrameAtMs = now;
  }
}

function noCounts(): Record<Counter, number> {
  return { frames: 0, altered: 0, missing: 0, disordered: 0, mistimed: 0 };
}
