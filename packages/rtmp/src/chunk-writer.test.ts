import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodedMessageBytes, encodeMessage, encodeMessages, writeMessageInto } from './chunk-writer.ts';
import type { RtmpMessage } from './message.ts';
import { ChunkStreamEncoder } from './testing/index.ts';

function message(fields: Partial<RtmpMessage>): RtmpMessage {
  const defaults = { chunkStreamId: 3, typeId: 20, messageStreamId: 0, timestampMs: 0 };
  return { ...defaults, payload: Buffer.from('abcde'), ...fields };
}

const messages = fc.record({
  chunkStreamId: fc.oneof(fc.integer({ min: 2, max: 65_599 }), fc.constantFrom(2, 63, 64, 319, 320, 65_599)),
  typeId: fc.integer({ min: 0, max: 255 }),
  messageStreamId: fc.integer({ min: 0, max: 0xffffffff }),
  timestampMs: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 40 }),
    fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 2 ** 31, 2 ** 32 - 1, 2 ** 32),
  ),
  payload: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
});

describe('encodeMessage', () => {
  it('writes a whole header, message stream id little-endian', () => {
    const bytes = encodeMessage(message({ messageStreamId: 1, timestampMs: 0x010203 }), 128);
    expect(bytes.toString('hex')).toBe('03' + '010203' + '000005' + '14' + '01000000' + '6162636465');
  });

  it('cuts to the chunk size with one-byte headers in between', () => {
    const bytes = encodeMessage(message({}), 2);
    expect(bytes.toString('hex')).toBe('03' + '000000' + '000005' + '14' + '00000000' + '6162c36364c365');
  });

  it('repeats a time of 24 bits and more in every chunk', () => {
    const bytes = encodeMessage(message({ timestampMs: 0xffffff }), 3);
    expect(bytes.toString('hex')).toBe(
      '03' + 'ffffff' + '000005' + '14' + '00000000' + '00ffffff' + '616263' + 'c3' + '00ffffff' + '6465',
    );
  });

  it('does not extend the last time of 24 bits', () => {
    expect(encodeMessage(message({ timestampMs: 0xfffffe }), 128)).toHaveLength(17);
  });

  it('wraps time at 2^32', () => {
    const wrapped = encodeMessage(message({ timestampMs: 2 ** 32 + 40 }), 128);
    expect(wrapped).toEqual(encodeMessage(message({ timestampMs: 40 }), 128));
  });

  it.each([
    [63, '3f'],
    [64, '0000'],
    [319, '00ff'],
    [320, '010001'],
    [65_599, '01ffff'],
  ])('names chunk stream %i as %s', (chunkStreamId, header) => {
    expect(encodeMessage(message({ chunkStreamId }), 128).toString('hex').startsWith(header)).toBe(true);
  });

  it('writes one chunk for an empty payload', () => {
    expect(encodeMessage(message({ payload: Buffer.alloc(0) }), 128)).toHaveLength(12);
  });

  it('writes no chunk behind a payload of exactly the chunk size', () => {
    expect(encodeMessage(message({}), 5)).toHaveLength(17);
  });

  it('is what the specification says for any message and chunk size', () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 700 }), (fields, chunkSize) => {
        const bytes = encodeMessage(fields, chunkSize);
        expect(bytes).toHaveLength(encodedMessageBytes(fields, chunkSize));
        expect(bytes).toEqual(new ChunkStreamEncoder({ chunkSize }).encode(fields));
        expect(bytes.buffer.byteLength).toBe(bytes.length);
      }),
    );
  });

  it('writes within a larger Buffer and touches nothing else', () => {
    const target = Buffer.alloc(40, 0xee);
    const end = writeMessageInto(target, 5, message({}), 2);
    expect(end).toBe(5 + encodedMessageBytes(message({}), 2));
    expect(target.subarray(5, end)).toEqual(encodeMessage(message({}), 2));
    expect(target.subarray(0, 5)).toEqual(Buffer.alloc(5, 0xee));
    expect(target.subarray(end)).toEqual(Buffer.alloc(40 - end, 0xee));
  });

  it('joins messages in order', () => {
    const pair = [message({}), message({ chunkStreamId: 400, timestampMs: 2 ** 31 })];
    expect(encodeMessages(pair, 3)).toEqual(Buffer.concat(pair.map((each) => encodeMessage(each, 3))));
    expect(encodeMessages([], 3)).toHaveLength(0);
  });

  it('refuses what a chunk stream cannot carry', () => {
    const tooLong = Buffer.alloc(0x1000000);
    expect(() => encodeMessage(message({ chunkStreamId: 1 }), 128)).toThrow(RangeError);
    expect(() => encodeMessage(message({ chunkStreamId: 65_600 }), 128)).toThrow(RangeError);
    expect(() => encodeMessage(message({ payload: tooLong }), 128)).toThrow(RangeError);
    expect(() => encodeMessage(message({}), 0)).toThrow(RangeError);
  });
});
