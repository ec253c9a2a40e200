// Multitrack messages (Enhanced RTMP v2) for viewers that did not announce the ability.
import type { Frame } from './frame.ts';

/** The frame as a viewer without multitrack gets it: unchanged, or its track 0 in single-track form, or nothing. */
export function unwrapDefaultTrack(frame: Frame): Frame | undefined {
  throw new Error(`not built yet ${frame.sequence.toString()}`);
}
