import { describe, expect, it } from 'vitest';
import {
  bytesOneByOne,
  ChunkStreamEncoder,
  format0,
  hex,
  message,
  payloads,
  readChunks,
  readChunksAtEverySplit,
  text,
  times,
} from './testing/index.ts';

describe('ChunkReader on time', () => {
  it('takes the time of format 0 for the delta of a format 3 message behind it', () => {
    expect(times(readChunksAtEverySplit(hex(format0('000017'), 'c4 6364', 'c4 6566')))).toEqual([23, 46, 69]);
  });

  it('does not let such a delta move time by more than 5 s', () => {
    expect(times(readChunksAtEverySplit(hex(format0('001388'), 'c4 6364')))).toEqual([5000, 10_000]);
    expect(times(readChunksAtEverySplit(hex(format0('001389'), 'c4 6364')))).toEqual([5001, 5001]);
  });

  it('reads an extended time, and an extended delta as a delta', () => {
    const bytes = hex(format0('ffffff', '00ffffff 6162'), '84 ffffff 01000000 6364', '84 000001 6566');
    expect(times(readChunksAtEverySplit(bytes))).toEqual([0xffffff, 0x1ffffff, 0x2000000]);
  });

  it('reads an extended time that would have fitted', () => {
    expect(times(readChunksAtEverySplit(hex(format0('ffffff', '00000005 6162'))))).toEqual([5]);
  });

  it('goes on past 2^32 by times and by deltas', () => {
    const bytes = hex(
      format0('ffffff', 'ffffffe0 6162'),
      '84 000028 6364',
      '84 000028 6566',
      format0('000060'),
    );
    expect(times(readChunksAtEverySplit(bytes))).toEqual([
      2 ** 32 - 32,
      2 ** 32 + 8,
      2 ** 32 + 48,
      2 ** 32 + 96,
    ]);
  });

  it('wraps the time of messages without media', () => {
    const bytes = hex('03 ffffff 000001 14 00000000 fffffff0 61', '83 000020 62');
    expect(times(readChunksAtEverySplit(bytes))).toEqual([0xfffffff0, 0x10]);
  });

  it('has audio and video agree after a wrap', () => {
    const audio = (time: string): string => `05 ${time} 000001 08 01000000`;
    const bytes = hex(
      format0('ffffff', 'fffffff0 6162'),
      `${audio('ffffff')}fffffff8 78`,
      `${audio('00000a')}79`,
      format0('000018'),
    );
    expect(times(readChunksAtEverySplit(bytes))).toEqual([
      2 ** 32 - 16,
      2 ** 32 - 8,
      2 ** 32 + 10,
      2 ** 32 + 24,
    ]);
  });

  it('passes 2^31 and reads a negative delta as a step back', () => {
    const bytes = hex(format0('ffffff', '7ffffff0 6162'), '84 000020 6364', '84 ffffff ffffffff 6566');
    expect(times(readChunksAtEverySplit(bytes))).toEqual([0x7ffffff0, 0x80000010, 0x8000000f]);
  });
});

describe('ChunkReader on repeated extended times', () => {
  const payload = text(9);
  const long = message({ timestampMs: 0x01020304, payload });

  it.each([false, true])('reads continuation chunks when their omission is %s', (omitsRepeatedTime) => {
    for (const chunkSize of [1, 2, 3, 4, 5, 8]) {
      const encoder = new ChunkStreamEncoder({ chunkSize, omitsRepeatedTime });
      const next = message({ chunkStreamId: 5, timestampMs: 0x01020310 });
      const bytes = Buffer.concat([encoder.encode(long), encoder.encode(next)]);
      expect(readChunksAtEverySplit(bytes, { chunkSize })).toEqual([long, next]);
    }
  });

  it('takes payload that begins like the time for payload', () => {
    const tricky = message({ timestampMs: 0x01020304, payload: hex('aa 010203ff 010203 0102 01') });
    for (const chunkSize of [1, 2, 3, 4]) {
      const encoder = new ChunkStreamEncoder({ chunkSize, omitsRepeatedTime: true });
      const next = message({ chunkStreamId: 5, timestampMs: 0x01020310 });
      const bytes = Buffer.concat([encoder.encode(tricky), encoder.encode(next)]);
      expect(payloads(readChunksAtEverySplit(bytes, { chunkSize }))).toEqual(payloads([tricky, next]));
    }
  });

  it('finishes a message of an omitting encoder without waiting for more', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 8, omitsRepeatedTime: true });
    expect(readChunks(bytesOneByOne(encoder.encode(long)), { chunkSize: 8 })).toEqual([long]);
  });

  it('expects the delta in format 3 chunks behind an extended delta', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 4 });
    const first = message({ timestampMs: 10, payload });
    const later = message({ timestampMs: 0x1000000 + 10, payload: text(9, 5) });
    const again = message({ timestampMs: 0x2000000 + 10, payload: text(9, 8) });
    const bytes = Buffer.concat([encoder.encode(first), encoder.encode(later, 2), encoder.encode(again, 3)]);
    expect(readChunksAtEverySplit(bytes, { chunkSize: 4 })).toEqual([first, later, again]);
  });

  it('reads a format 3 message behind an extended time in both ways, at the same time', () => {
    for (const omitsRepeatedTime of [false, true]) {
      const encoder = new ChunkStreamEncoder({ chunkSize: 4, omitsRepeatedTime });
      const again = message({ timestampMs: 0x01020304, payload: text(9, 5) });
      const bytes = Buffer.concat([encoder.encode(long), encoder.encode(again, 3)]);
      expect(readChunksAtEverySplit(bytes, { chunkSize: 4 })).toEqual([long, again]);
    }
  });

  it('keeps what is repeated apart for each chunk stream', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 4 });
    const short = message({ chunkStreamId: 5, payload: text(9, 3) });
    const bytes = [
      encoder.encode(long),
      encoder.encode(short),
      encoder.encode(long, 3),
      encoder.encode(short, 3),
    ];
    expect(readChunksAtEverySplit(Buffer.concat(bytes), { chunkSize: 4 })).toEqual([
      long,
      short,
      long,
      short,
    ]);
  });

  it('knows where it is when payload was carried as the beginning of a time', () => {
    const first = '04 ffffff 000002 09 01000000 01850001 61';
    const notRepeated = 'c4 01';
    const noHistory = '85 000000';
    const bytes = hex(first, notRepeated, noHistory);
    expect(() => readChunks(bytesOneByOne(bytes), { chunkSize: 1 })).toThrow(
      expect.objectContaining({ offset: bytes.length - 4 }),
    );
  });

  it('expects nothing more once a header without extension came', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 4 });
    const later = message({ timestampMs: 0x01020305, payload: text(9, 5) });
    const bytes = Buffer.concat([encoder.encode(long), encoder.encode(later, 2)]);
    expect(readChunksAtEverySplit(bytes, { chunkSize: 4 })).toEqual([long, later]);
  });
});
