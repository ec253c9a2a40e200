// FLV as a stream format (Adobe Flash Video File Format Specification 10.1, annex E): tags that follow each other.
import type { FrameKind } from './frame.ts';
import type { StreamFormat } from './stream-format.ts';

/** What an FLV tag carries, apart from stream bookkeeping. */
export interface FlvTag {
  readonly kind: FrameKind;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

/** Bytes of a tag in the file: header, body and the size that follows it. */
export function flvTagBytes(payloadBytes: number): number {
  return 11 + payloadBytes + 4;
}

/** Writes a whole tag and returns the offset behind it. */
export function writeFlvTagInto(target: Buffer, offset: number, tag: FlvTag): number {
  throw new Error(`not built yet ${target.length.toString()} ${offset.toString()} ${tag.kind}`);
}

/** FLV over HTTP and WebSocket. */
export const flvFormat: StreamFormat = {
  id: 'flv',
  preamble: () => Buffer.alloc(0),
  encode: () => Buffer.alloc(0),
};
