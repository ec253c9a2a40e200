import type { RtmpMessage } from './message.ts';

/** How many bytes a message takes on the wire. Throws `RangeError` for what a chunk stream cannot carry. */
export function encodedMessageBytes(message: RtmpMessage, chunkSize: number): number {
  void message;
  void chunkSize;
  throw new Error('not implemented');
}

/** Writes a message at `offset`, where `encodedMessageBytes` are free, and returns the offset behind it. */
export function writeMessageInto(
  target: Buffer,
  offset: number,
  message: RtmpMessage,
  chunkSize: number,
): number {
  void target;
  void offset;
  void message;
  void chunkSize;
  throw new Error('not implemented');
}

/** One message in memory of its own. */
export function encodeMessage(message: RtmpMessage, chunkSize: number): Buffer {
  const target = Buffer.allocUnsafeSlow(encodedMessageBytes(message, chunkSize));
  writeMessageInto(target, 0, message, chunkSize);
  return target;
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
