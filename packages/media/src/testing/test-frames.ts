import type { Frame } from '../frame.ts';

/** What a generated stream looks like. Equal options give equal bytes. */
export interface TestStreamOptions {
  readonly seconds?: number;
  readonly fps?: number;
  readonly gopSeconds?: number;
  /** Bits per second; the sum of all video payloads is close to it. */
  readonly videoBitrate?: number;
  readonly audioBitrate?: number;
  /** `avc1` and `mp4a` and `.mp3` in legacy form unless `isEnhanced`. */
  readonly video?: 'avc1' | 'hvc1' | 'av01' | 'vp09' | 'none';
  readonly audio?: 'mp4a' | 'Opus' | '.mp3' | 'none';
  readonly isEnhanced?: boolean;
  /** Video tracks; above 1 the further tracks come as one-track multitrack messages. */
  readonly videoTracks?: number;
  readonly hasBFrames?: boolean;
  readonly hasMetadata?: boolean;
  readonly startTimestampMs?: number;
  readonly firstSequence?: number;
  readonly seed?: number;
}

/** A whole stream in order of sending: metadata, headers, then media by time. Starts with a keyframe. */
export function testFrames(options: TestStreamOptions = {}): Frame[] {
  throw new Error(`not built yet ${String(options.seed)}`);
}

/** A frame with its role found from the payload. */
export function testFrame(frame: Pick<Frame, 'kind' | 'payload'> & Partial<Frame>): Frame {
  throw new Error(`not built yet ${frame.kind}`);
}
