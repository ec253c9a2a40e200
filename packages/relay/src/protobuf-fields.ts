// Protobuf's framing, as far as the frame path needs it by hand (https://protobuf.dev/programming-guides/encoding):
// a message is a run of fields, each a varint tag (number << 3 | wire type) and a value. Generated code would copy the
// payload of every batch; here a length-delimited field is a view of the message.
import { ProtocolError } from '@headwater/contracts';

/**
 * One field: `value` of a varint (inexact beyond 2^53: check before use), `bytes` of a length-delimited one; fixed-width
 * fields give neither.
 */
export interface Field {
  readonly number: number;
  readonly value: number | undefined;
  readonly bytes: Buffer | undefined;
  /** Where its value starts, counted like the offsets of errors. */
  readonly offset: number;
}

/** Reads the fields of `message` in order. Throws `ProtocolError` with offsets counted from `baseOffset`. */
export function* readFields(message: Buffer, baseOffset = 0): Generator<Field, undefined> {
  let at = 0;
  while (at < message.length) {
    const tag = readVarint(message, at, baseOffset);
    const number = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    if (number === 0) throw new ProtocolError('field number is 0', baseOffset + at);
    at = tag.end;
    let value: number | undefined;
    let bytes: Buffer | undefined;
    let offset = baseOffset + at;
    if (wireType === 0) {
      ({ value, end: at } = readVarint(message, at, baseOffset));
    } else if (wireType === 2) {
      const length = readVarint(message, at, baseOffset);
      offset = baseOffset + length.end;
      at = checkedEnd(message, length.end, length.value, baseOffset);
      bytes = message.subarray(length.end, at);
    } else if (wireType === 1 || wireType === 5) {
      at = checkedEnd(message, at, wireType === 1 ? 8 : 4, baseOffset);
    } else {
      throw new ProtocolError('field has an unknown wire type', baseOffset + at, { wireType });
    }
    yield { number, value, bytes, offset };
  }
  return undefined;
}

/** How many bytes the varint of `value` takes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes the varint of `value` (0 up to 2^53 - 1) and returns where it ends. */
export function writeVarint(target: Buffer, value: number, at: number): number {
  let end = at;
  let rest = value;
  while (rest >= 0x80) {
    target[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[end++] = rest;
  return end;
}

function readVarint(message: Buffer, at: number, baseOffset: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let end = at; end < message.length && end < at + 10; scale *= 0x80) {
    const byte = message.readUInt8(end++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end };
  }
  throw new ProtocolError('varint is cut short or too long', baseOffset + at);
}

function checkedEnd(message: Buffer, at: number, length: number, baseOffset: number): number {
  if (length > message.length - at) throw new ProtocolError('field is cut short', baseOffset + at);
  return at + length;
}
