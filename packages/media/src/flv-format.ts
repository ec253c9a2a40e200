// FLV as a stream format (Adobe Flash Video File Format Specification 10.1, annex E): a file header, then tags, each with
// its whole time, so that any run of tags stands by itself. Times are 32 bits there and start over every 49.7 days.
import type { Frame, FrameKind } from './frame.ts';
import type { StreamFormat, TrackPresence } from './stream-format.ts';

/** What an FLV tag carries, apart from a stream's bookkeeping. */
export interface FlvTag {
  readonly kind: FrameKind;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

/** Bytes of the file header without the PreviousTagSize0 that follows it. */
export const flvHeaderBytes = 9;
/** Bytes of a tag header. */
export const flvTagHeaderBytes = 11;
/** The largest body that a tag can have. */
export const maxFlvPayloadBytes = 0xffffff;

const tagTypes: Readonly<Record<FrameKind, number>> = { audio: 8, video: 9, data: 18 };

/** FLV over HTTP and WebSocket. A frame above 16 MiB, which no tag can hold, adds nothing. */
export const flvFormat: StreamFormat = {
  id: 'flv',

  preamble({ hasAudio, hasVideo }: TrackPresence): Buffer {
    // Players wait for a track that the flags promise, and never show one that they deny.
    const flags = (hasAudio ? 4 : 0) | (hasVideo ? 1 : 0);
    return Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, flvHeaderBytes, 0, 0, 0, 0]);
  },

  encode(frames: readonly Frame[]): Buffer {
    let size = 0;
    for (const frame of frames) if (fits(frame)) size += flvTagBytes(frame.payload.length);
    // Not of Node's pool: a small batch that somebody keeps would keep all that shares its slab.
    const bytes = Buffer.allocUnsafeSlow(size);
    let offset = 0;
    for (const frame of frames) if (fits(frame)) offset = writeFlvTagInto(bytes, offset, frame);
    return bytes;
  },
};

/** Bytes of a tag in the file: header, body and the size that follows it. */
export function flvTagBytes(payloadBytes: number): number {
  return flvTagHeaderBytes + payloadBytes + 4;
}

/** Writes a whole tag, the PreviousTagSize behind it included, and returns the offset after it. */
export function writeFlvTagInto(target: Buffer, offset: number, tag: FlvTag): number {
  const { payload } = tag;
  const time = tag.timestampMs >>> 0;
  target[offset] = tagTypes[tag.kind];
  target.writeUIntBE(payload.length, offset + 1, 3);
  target.writeUIntBE(time & 0xffffff, offset + 4, 3);
  target[offset + 7] = time >>> 24;
  target.writeUIntBE(0, offset + 8, 3);
  payload.copy(target, offset + flvTagHeaderBytes);
  const end = offset + flvTagHeaderBytes + payload.length;
  return target.writeUInt32BE(flvTagHeaderBytes + payload.length, end);
}

function fits(frame: Frame): boolean {
  return frame.payload.length <= maxFlvPayloadBytes;
}
