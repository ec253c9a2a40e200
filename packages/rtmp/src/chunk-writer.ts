// Writes whole messages as chunks: the first with a full header (format 0), so that nothing depends on what was sent
// before, the rest with format 3. A time beyond 24 bits is repeated in each of them (RTMP 1.0 §5.3.1.3).
import { basicHeaderBytes, maxChunkStreamId, writeBasicHeader } from './chunk-basic-header.ts';
import { extendedTimestampMark, maxMessageLength } from './limits.ts';
import type { RtmpMessage } from './message.ts';

/** How many bytes a message takes on the wire. Throws `RangeError` for what a chunk stream cannot carry. */
export function encodedMessageBytes(message: RtmpMessage, chunkSize: number): number {
  const { chunkStreamId, payload } = message;
  if (!(chunkStreamId >= 2 && chunkStreamId <= maxChunkStreamId)) {
    throw new RangeError(
      `chunk stream id ${String(chunkStreamId)} is not within 2 to ${String(maxChunkStreamId)}`,
    );
  }
  if (payload.length > maxMessageLength) {
    throw new RangeError(
      `message of ${String(payload.length)} bytes is longer than ${String(maxMessageLength)}`,
    );
  }
  if (!(chunkSize >= 1)) throw new RangeError(`chunk size ${String(chunkSize)} is not positive`);
  const isExtended = message.timestampMs >>> 0 >= extendedTimestampMark;
  const repeatedBytes = basicHeaderBytes(chunkStreamId) + (isExtended ? 4 : 0);
  const chunks = payload.length === 0 ? 1 : Math.ceil(payload.length / chunkSize);
  return 11 + chunks * repeatedBytes + payload.length;
}

/**
 * Writes a message at `offset`, where `encodedMessageBytes` are free, and returns the offset behind it. The time is cut
 * to 32 bits here and nowhere earlier.
 */
export function writeMessageInto(
  target: Buffer,
  offset: number,
  message: RtmpMessage,
  chunkSize: number,
): number {
  const { chunkStreamId, payload } = message;
  const timestamp = message.timestampMs >>> 0;
  const isExtended = timestamp >= extendedTimestampMark;
  let at = writeBasicHeader(target, offset, 0, chunkStreamId);
  at = target.writeUIntBE(isExtended ? extendedTimestampMark : timestamp, at, 3);
  at = target.writeUIntBE(payload.length, at, 3);
  at = target.writeUInt8(message.typeId, at);
  at = target.writeUInt32LE(message.messageStreamId, at);
  if (isExtended) at = target.writeUInt32BE(timestamp, at);

  let end = Math.min(chunkSize, payload.length);
  at += payload.copy(target, at, 0, end);
  while (end < payload.length) {
    at = writeBasicHeader(target, at, 3, chunkStreamId);
    if (isExtended) at = target.writeUInt32BE(timestamp, at);
    const start = end;
    end = Math.min(start + chunkSize, payload.length);
    at += payload.copy(target, at, start, end);
  }
  return at;
}

/** One message in memory of its own. */
export function encodeMessage(message: RtmpMessage, chunkSize: number): Buffer {
  return encodeMessages([message], chunkSize);
}

/** Several messages in one exactly sized Buffer. */
export function encodeMessages(messages: readonly RtmpMessage[], chunkSize: number): Buffer {
  let bytes = 0;
  for (const message of messages) bytes += encodedMessageBytes(message, chunkSize);
  const target = Buffer.allocUnsafeSlow(bytes);
  let offset = 0;
  for (const message of messages) offset = writeMessageInto(target, offset, message, chunkSize);
  return target;
}
