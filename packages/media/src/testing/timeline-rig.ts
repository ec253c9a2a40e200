// For the tests of the timeline alone.
import { createHash } from 'node:crypto';
import type { Frame, FrameKind } from '../frame.ts';
import { Timeline, type Splice } from '../timeline.ts';
import { ManualClock } from '@headwater/contracts/testing';
import { type TestStreamOptions, testFrame, testFrames } from './test-frames.ts';

/** A timeline with a clock that goes with the media, and a record of all that came out. */
export class TimelineRig {
  readonly clock: ManualClock = new ManualClock();
  readonly frames: Frame[] = [];
  readonly splices: Splice[] = [];
  /** How many frames were out at each splice. */
  readonly splicedAt: number[] = [];
  readonly timeline: Timeline = new Timeline({
    clock: this.clock,
    output: {
      spliced: (splice) => {
        this.splices.push(splice);
        this.splicedAt.push(this.frames.length);
      },
      frame: (frame) => this.frames.push(frame),
    },
  });

  /** Sends frames as they fall due: the clock moves by the steps of their times. */
  play(epoch: number, frames: readonly Frame[]): this {
    let lastMs = frames[0]?.timestampMs ?? 0;
    for (const frame of frames) {
      this.clock.advance(Math.max(0, frame.timestampMs - lastMs));
      lastMs = Math.max(lastMs, frame.timestampMs);
      this.timeline.push(epoch, frame);
    }
    return this;
  }

  /** Sends frames all at once. */
  burst(epoch: number, frames: readonly Frame[]): this {
    for (const frame of frames) this.timeline.push(epoch, frame);
    return this;
  }

  /** Lets time pass without frames. */
  pause(ms: number): this {
    this.clock.advance(ms);
    return this;
  }

  /** What came out since the newest splice. */
  get piece(): Frame[] {
    return this.frames.slice(this.splicedAt.at(-1) ?? 0);
  }
}

/** Three seconds with a keyframe each second. */
export const stream = (options: TestStreamOptions = {}): Frame[] =>
  testFrames({ seconds: 3, gopSeconds: 1, ...options });
/** The frames with contiguous numbers. */
export const renumber = (frames: readonly Frame[], from = 0): Frame[] =>
  frames.map((frame, index) => ({ ...frame, sequence: from + index }));
/** True for what is timed by itself. */
export const isMedia = ({ kind, role }: Frame): boolean => kind !== 'data' && role !== 'header';
/** A frame in a few words. */
export const briefly = ({ kind, role, timestampMs }: Frame): string =>
  `${kind} ${role} ${timestampMs.toString()}`;
/** Fingerprints of the payloads: quick to compare, short to print. */
export const payloads = (frames: readonly Frame[]): string[] =>
  frames.map(({ payload }) => createHash('sha1').update(payload).digest('base64'));
/** The last of some frames. */
export const last = (frames: readonly Frame[]): Frame =>
  frames.at(-1) ?? testFrame({ kind: 'data', payload: Buffer.of() });
/** The newest time of some frames. */
export const endOf = (frames: readonly Frame[]): number =>
  Math.max(...frames.map(({ timestampMs }) => timestampMs));
/** An AAC frame. */
export const sound = (sequence: number, timestampMs: number): Frame =>
  testFrame({ kind: 'audio', payload: Buffer.from('af0121', 'hex'), sequence, timestampMs });
/** The frames with their times moved. */
export const shifted = (frames: readonly Frame[], byMs: number): Frame[] =>
  frames.map((frame) => ({ ...frame, timestampMs: frame.timestampMs + byMs }));

/** Where the numbers have a gap or a kind steps back: nothing, if all is well. */
export function irregularities(frames: readonly Frame[]): string[] {
  const newest: Record<FrameKind, number> = { audio: -1, video: -1, data: -1 };
  const found: string[] = [];
  frames.forEach((frame, index) => {
    if (frame.sequence !== index) found.push(`number ${frame.sequence.toString()} at ${index.toString()}`);
    if (frame.timestampMs < newest[frame.kind]) {
      found.push(`back from ${newest[frame.kind].toString()}: ${briefly(frame)}`);
    }
    newest[frame.kind] = frame.timestampMs;
  });
  return found;
}
