// The first 1 to 3 bytes of every chunk: its header's format and its chunk stream (RTMP 1.0 §5.3.1.1).

/** The highest chunk stream id that the 3-byte form can name. */
export const maxChunkStreamId = 65_599;

/** Length of the shortest form that can name the chunk stream. */
export function basicHeaderBytes(chunkStreamId: number): 1 | 2 | 3 {
  if (chunkStreamId < 64) return 1;
  return chunkStreamId < 320 ? 2 : 3;
}

/** Writes the shortest form and returns the offset behind it. */
export function writeBasicHeader(
  target: Buffer,
  offset: number,
  format: number,
  chunkStreamId: number,
): number {
  const top = format << 6;
  if (chunkStreamId < 64) return target.writeUInt8(top | chunkStreamId, offset);
  if (chunkStreamId < 320) {
    target.writeUInt8(top, offset);
    return target.writeUInt8(chunkStreamId - 64, offset + 1);
  }
  target.writeUInt8(top | 1, offset);
  return target.writeUInt16LE(chunkStreamId - 64, offset + 1);
}
