// What simulated publishers send, and what their viewers get: AVC tag bodies that say which publish session they are of
// and which message of it, so that whoever sees one knows where it belongs.
import type { StreamFormat } from '@headwater/media';

/** A message as a viewer gets it. */
export interface SeenFrame {
  readonly role: 'header' | 'keyframe' | 'media';
  /** The publish session that sent it. */
  readonly session: number;
  /** Which message of the session it is. */
  readonly index: number;
  readonly timestampMs: number;
}

const roles = ['header', 'keyframe', 'media'] as const;
const seenBytes = 15;

/** A sequence header. */
export function headerPayload(session: number, index: number): Buffer {
  return payload(0x17, 0, session, index);
}

/** A keyframe or an inter frame. */
export function picturePayload(session: number, index: number, isKeyframe: boolean): Buffer {
  return payload(isKeyframe ? 0x17 : 0x27, 1, session, index);
}

function payload(first: number, packetType: number, session: number, index: number): Buffer {
  const bytes = Buffer.alloc(13);
  bytes[0] = first;
  bytes[1] = packetType;
  bytes.writeUInt32BE(session, 5);
  bytes.writeUInt32BE(index, 9);
  return bytes;
}

/** Writes each frame as `seenFrames` reads it. */
export const seenFormat: StreamFormat = {
  id: 'seen',
  preamble: () => Buffer.alloc(0),
  encode: (frames) => {
    const bytes = Buffer.alloc(frames.length * seenBytes);
    let at = 0;
    for (const { role, payload, timestampMs } of frames) {
      bytes[at] = role === 'header' ? 0 : role === 'keyframe' ? 1 : 2;
      payload.copy(bytes, at + 1, 5, 13);
      bytes.writeUIntBE(timestampMs, at + 9, 6);
      at += seenBytes;
    }
    return bytes;
  },
};

/** Reads what `seenFormat` wrote. */
export function seenFrames(bytes: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  for (let at = 0; at < bytes.length; at += seenBytes) {
    frames.push({
      role: roles[bytes[at] ?? 2] ?? 'media',
      session: bytes.readUInt32BE(at + 1),
      index: bytes.readUInt32BE(at + 5),
      timestampMs: bytes.readUIntBE(at + 9, 6),
    });
  }
  return frames;
}
