// What tests of the chunk reader are written with.
import { messageType, type RtmpMessage } from '../message.ts';

/** A message; what is not given is that of a video on message stream 1. */
export function message(fields: Partial<RtmpMessage>): RtmpMessage {
  const defaults = { chunkStreamId: 4, typeId: messageType.video, messageStreamId: 1, timestampMs: 0 };
  return { ...defaults, payload: Buffer.from('payload'), ...fields };
}

/** Readable bytes, different for each seed. */
export function text(length: number, seed: number = 0): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => 33 + ((at * 7 + seed) % 90)));
}

/** Bytes as hexadecimal digits, blanks left out. */
export function hex(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
}

/** The payloads as text. */
export function payloads(messages: readonly RtmpMessage[]): string[] {
  return messages.map(({ payload }) => payload.toString());
}

/** The times. */
export function times(messages: readonly RtmpMessage[]): number[] {
  return messages.map(({ timestampMs }) => timestampMs);
}

/** Format 0 on chunk stream 4 with a video of 2 bytes on message stream 1. */
export function format0(time: string, payload: string = '6162'): string {
  return `04 ${time} 000002 09 01000000 ${payload}`;
}
