import { readFileSync } from 'node:fs';
import { classifyFrame, FlvReader, type FlvTag } from '@headwater/media';

/** A clip that can be repeated without a seam. */
export interface DemoClip {
  /** Metadata and sequence headers: sent once. */
  readonly headers: readonly FlvTag[];
  /** Audio and video in the order of time; the first video is a keyframe. */
  readonly media: readonly FlvTag[];
  /** From the beginning of the clip to the beginning of its repetition. */
  readonly durationMs: number;
}

/** Reads the clip that comes with the program; `scripts/make-demo-clip.mjs` made it. */
export function readDemoClip(file: URL = new URL('../../assets/demo.flv', import.meta.url)): DemoClip {
  const tags: FlvTag[] = [];
  new FlvReader().read(readFileSync(file), (tag) => tags.push(tag));
  const isHeader = (tag: FlvTag): boolean =>
    tag.kind === 'data' || classifyFrame(tag.kind, tag.payload) === 'header';
  const media = tags.filter((tag) => !isHeader(tag) && tag.payload.length > 5);
  const durationMs = Math.max(trackLengthMs(media, 'video'), trackLengthMs(media, 'audio'));
  return { headers: tags.filter(isHeader), media, durationMs };
}

/** From a track's first frame to where the next after its last belongs. */
function trackLengthMs(media: readonly FlvTag[], kind: 'audio' | 'video'): number {
  const times = media.filter((tag) => tag.kind === kind).map((tag) => tag.timestampMs);
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return Math.round(spanMs + spanMs / Math.max(1, times.length - 1));
}
