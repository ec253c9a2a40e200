/** A message to be sent. */
export interface OutgoingMessage {
  readonly chunkStreamId: number;
  readonly type: number;
  readonly messageStreamId: number;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

/** The message as chunks: a format 0 header, then format 3 continuations. Chunk stream ids below 64 and times below 2^24 only. */
export function encodeMessage(message: OutgoingMessage, chunkSizeBytes: number): Buffer {
  const { payload } = message;
  const header = Buffer.alloc(12);
  header.writeUInt8(message.chunkStreamId, 0);
  header.writeUIntBE(message.timestampMs, 1, 3);
  header.writeUIntBE(payload.length, 4, 3);
  header.writeUInt8(message.type, 7);
  header.writeUInt32LE(message.messageStreamId, 8);
  const parts: Buffer[] = [header, payload.subarray(0, chunkSizeBytes)];
  const continuation = Buffer.from([0xc0 | message.chunkStreamId]);
  for (let at = chunkSizeBytes; at < payload.length; at += chunkSizeBytes) {
    parts.push(continuation, payload.subarray(at, at + chunkSizeBytes));
  }
  return Buffer.concat(parts);
}
