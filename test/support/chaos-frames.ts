// Frames that say which publish session they are of: the number of a frame is unique over all sessions of an encoder.
import { framesPerGop, judgeFrame } from './good-stream-frames.ts';

// Whole groups of pictures, so that each session begins with a keyframe.
const framesPerSession = framesPerGop * 10_000;

/** The number of a session's frame. Sessions and frames count from 0. */
export function numberOf(session: number, index: number): number {
  return session * framesPerSession + index;
}

/** A received frame. */
export interface JudgedFrame {
  readonly session: number;
  readonly index: number;
}

/** Judges a received body: a frame, a sequence header, or something that was never sent. */
export function judge(kind: 'audio' | 'video', body: Buffer): JudgedFrame | 'header' | 'altered' {
  const verdict = judgeFrame(kind, body);
  if (typeof verdict === 'string') return verdict;
  return {
    session: Math.floor(verdict.number / framesPerSession),
    index: verdict.number % framesPerSession,
  };
}
