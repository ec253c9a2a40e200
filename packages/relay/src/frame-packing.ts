// The packed layout of a run of frames, as proto/relay.proto documents it at `Frames`: a fixed head of 21 bytes and the
// payload, end to end. A fixed layout costs a few bytes more than protobuf's varints and much less time.
import { ProtocolError } from '@headwater/contracts';
import { keptBytes, type Frame, type FrameKind, type FrameRole } from '@headwater/media';

/** Bytes before each payload. */
export const frameHeadBytes = 21;

/** The most frames that one message may have. */
export const maxFramesPerItem = 65_536;

const kinds: readonly FrameKind[] = ['audio', 'video', 'data'];
const roles: readonly FrameRole[] = ['media', 'keyframe', 'header', 'metadata'];
const kindCodes: Readonly<Record<FrameKind, number>> = { audio: 0, video: 1, data: 2 };
const roleCodes: Readonly<Record<FrameRole, number>> = { media: 0, keyframe: 4, header: 8, metadata: 12 };

const twoTo32 = 0x1_0000_0000;
const maxHigh = 0x1f_ffff;

/** How many bytes the frames take when packed. */
export function packedBytes(frames: readonly Frame[]): number {
  let bytes = frames.length * frameHeadBytes;
  for (const frame of frames) bytes += frame.payload.length;
  return bytes;
}

/** Packs the frames into `target` from `offset` on; there must be `packedBytes` of room. Throws `RangeError` on numbers that do not fit. */
export function packFrames(frames: readonly Frame[], target: Buffer, offset: number): void {
  let at = offset;
  for (const frame of frames) {
    target[at] = kindCodes[frame.kind] | roleCodes[frame.role];
    writeUint53(target, frame.sequence, at + 1);
    writeUint53(target, frame.timestampMs, at + 9);
    target.writeUInt32BE(frame.payload.length, at + 17);
    frame.payload.copy(target, at + frameHeadBytes);
    at += frameHeadBytes + frame.payload.length;
  }
}

/**
 * Reads packed frames. Payloads are views of `message`, or of a copy where it is a small part of something larger, such as
 * Node's pool; those of headers and metadata, which live as long as the stream, do not keep the rest of it alive. Throws
 * `ProtocolError`, its offsets counted from `baseOffset`.
 */
export function unpackFrames(message: Buffer, baseOffset = 0): Frame[] {
  const bytes = keptBytes(message);
  const frames: Frame[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (frames.length === maxFramesPerItem) {
      throw new ProtocolError('too many frames in a message', baseOffset + at, { limit: maxFramesPerItem });
    }
    const end = frameEnd(bytes, at, baseOffset);
    frames.push(readFrame(bytes, at, end, baseOffset));
    at = end;
  }
  return frames;
}

/** Where the packed frame that starts at `at` ends. Throws `ProtocolError` when it is not whole. */
export function frameEnd(bytes: Buffer, at: number, baseOffset = 0): number {
  if (bytes.length - at < frameHeadBytes) throw new ProtocolError('frame head is cut short', baseOffset + at);
  const end = at + frameHeadBytes + bytes.readUInt32BE(at + 17);
  if (end > bytes.length) throw new ProtocolError('frame payload is cut short', baseOffset + at);
  return end;
}

function readFrame(bytes: Buffer, at: number, end: number, baseOffset: number): Frame {
  const code = bytes.readUInt8(at);
  const kind = kinds[code & 3];
  const role = roles[(code >> 2) & 3];
  if (code > 0x0f || kind === undefined || role === undefined) {
    throw new ProtocolError('frame has an unknown kind or role', baseOffset + at, { code });
  }
  const view = bytes.subarray(at + frameHeadBytes, end);
  return {
    kind,
    role,
    sequence: readUint53(bytes, at + 1, baseOffset),
    timestampMs: readUint53(bytes, at + 9, baseOffset),
    payload: role === 'header' || role === 'metadata' ? keptBytes(view) : view,
  };
}

function writeUint53(target: Buffer, value: number, at: number): void {
  target.writeUInt32BE(Math.floor(value / twoTo32), at);
  target.writeUInt32BE(value % twoTo32, at + 4);
}

function readUint53(bytes: Buffer, at: number, baseOffset: number): number {
  const high = bytes.readUInt32BE(at);
  if (high > maxHigh) throw new ProtocolError('number exceeds 53 bits', baseOffset + at);
  return high * twoTo32 + bytes.readUInt32BE(at + 4);
}
