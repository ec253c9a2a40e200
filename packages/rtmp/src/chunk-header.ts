// The header of a chunk (RTMP 1.0 §5.3.1): 1 to 3 bytes that name format and chunk stream; 11, 7, 3 or 0 bytes of
// message header; and 4 bytes of time where the 24-bit field is full.
import { extendedTimestampMark } from './limits.ts';

/** The longest header: 3 + 11 + 4 bytes. */
export const maxChunkHeaderBytes = 18;

/** How much of the message header each format has; the rest is inherited from the chunk stream. */
export type ChunkFormat = 0 | 1 | 2 | 3;

const messageHeaderBytes = [11, 7, 3, 0] as const;

/** One header, parsed in place and used for all chunks of a connection. Fields that its format lacks are stale. */
export class ChunkHeader {
  format: ChunkFormat = 0;
  chunkStreamId: number = 0;
  /** Time of format 0, delta of formats 1 and 2, whole: from the extension where there is one. */
  time: number = 0;
  isExtended: boolean = false;
  length: number = 0;
  typeId: number = 0;
  messageStreamId: number = 0;

  /**
   * Parses the header at `start` and returns its length, or 0 when the bytes end before it does. `repeatedTime` tells for
   * a chunk stream the extended time that its format 3 chunks repeat, or -1 where its last header had none.
   */
  parse(bytes: Buffer, start: number, repeatedTime: (chunkStreamId: number) => number): number {
    const basicEnd = this.#parseBasic(bytes, start);
    if (basicEnd === 0) return 0;
    if (this.format === 3) {
      const repeated = repeatedTime(this.chunkStreamId);
      if (repeated < 0) return basicEnd - start;
      const repeatedBytes = matchUInt32(bytes, basicEnd, repeated);
      return repeatedBytes < 0 ? 0 : basicEnd - start + repeatedBytes;
    }
    const end = basicEnd + messageHeaderBytes[this.format];
    if (end > bytes.length) return 0;
    const time = bytes.readUIntBE(basicEnd, 3);
    this.isExtended = time === extendedTimestampMark;
    if (this.isExtended && end + 4 > bytes.length) return 0;
    this.time = this.isExtended ? bytes.readUInt32BE(end) : time;
    if (this.format <= 1) {
      this.length = bytes.readUIntBE(basicEnd + 3, 3);
      this.typeId = bytes.readUInt8(basicEnd + 6);
    }
    if (this.format === 0) this.messageStreamId = bytes.readUInt32LE(basicEnd + 7);
    return end - start + (this.isExtended ? 4 : 0);
  }

  /** Returns the offset behind the basic header, or 0 when the bytes end before it does. */
  #parseBasic(bytes: Buffer, start: number): number {
    const first = bytes.readUInt8(start);
    this.format = (first >>> 6) as ChunkFormat;
    const id = first & 0x3f;
    if (id > 1) {
      this.chunkStreamId = id;
      return start + 1;
    }
    const end = start + 2 + id;
    if (end > bytes.length) return 0;
    this.chunkStreamId = 64 + (id === 0 ? bytes.readUInt8(start + 1) : bytes.readUInt16LE(start + 1));
    return end;
  }
}

/**
 * Format 3 chunks repeat an extended time (§5.3.1.3), but old encoders leave that out. So only what equals the time is
 * taken for it: 4 when it is there, 0 when it is not, -1 when the bytes end before that is clear. Bytes that differ early
 * decide early, so that a short last chunk of such an encoder need not wait for more.
 */
function matchUInt32(bytes: Buffer, at: number, expected: number): 4 | 0 | -1 {
  for (let index = 0; index < 4; index += 1) {
    if (at + index >= bytes.length) return -1;
    if (bytes[at + index] !== ((expected >>> (24 - 8 * index)) & 0xff)) return 0;
  }
  return 4;
}
