import { ProtocolError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FlvTag, flvFormat } from './flv-format.ts';
import { FlvReader } from './flv-reader.ts';
import type { Frame } from './frame.ts';
import { testFrame, testFrames } from './testing/index.ts';

const preamble = flvFormat.preamble({ hasAudio: true, hasVideo: true });
const frames: Frame[] = [
  testFrame({ kind: 'data', payload: Buffer.from('\x02\x00\x0aonMetaData\x05') }),
  testFrame({ kind: 'video', payload: Buffer.from('1700000000', 'hex') }),
  testFrame({ kind: 'audio', payload: Buffer.alloc(0), timestampMs: 20 }),
  testFrame({ kind: 'audio', payload: Buffer.from('af01aabb', 'hex'), timestampMs: 40 }),
  testFrame({ kind: 'video', payload: Buffer.alloc(0), timestampMs: 40 }),
];
const file = Buffer.concat([preamble, flvFormat.encode(frames)]);
const tags = frames.map(({ kind, timestampMs, payload }) => ({ kind, timestampMs, payload }));

function readAll(parts: readonly Buffer[], reader: FlvReader = new FlvReader()): FlvTag[] {
  const read: FlvTag[] = [];
  for (const part of parts) reader.read(part, (tag) => read.push(tag));
  return read;
}

function failureOf(run: () => unknown): ProtocolError {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

describe('FlvReader', () => {
  it('reads a file given whole, byte by byte, and split at every offset', () => {
    expect(readAll([file])).toEqual(tags);
    expect(readAll(Array.from(file, (byte) => Buffer.from([byte])))).toEqual(tags);
    for (let at = 0; at <= file.length; at++) {
      expect(readAll([file.subarray(0, at), file.subarray(at)])).toEqual(tags);
    }
  });

  it('reads a body that is larger than the first buffer from pieces of any size', () => {
    const payload = testFrames({ seconds: 1, videoBitrate: 4_000_000 })[2]?.payload ?? Buffer.alloc(0);
    const large = testFrame({
      kind: 'video',
      payload: Buffer.concat(Array<Buffer>(60).fill(payload), 300_000),
    });
    const bytes = Buffer.concat([preamble, flvFormat.encode([large])]);
    for (const size of [1, 1000, 65_536, 299_999]) {
      const parts: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
      expect(readAll(parts)[0]?.payload.equals(large.payload)).toBe(true);
    }
  });

  it('hands out payloads of its own', () => {
    const bytes = Buffer.from(file);
    const read = readAll([bytes]);
    bytes.fill(0);
    expect(read).toEqual(tags);
  });

  it('hands out payloads that keep nothing else alive', () => {
    for (const { payload } of readAll([file])) expect(payload.buffer.byteLength).toBe(payload.length);
  });

  it('tells the flags, and whether the stream may end here', () => {
    const reader = new FlvReader();
    expect(reader.flags).toBeUndefined();
    readAll([flvFormat.preamble({ hasAudio: false, hasVideo: true })], reader);
    expect(reader.flags).toEqual({ hasAudio: false, hasVideo: true });
    expect(reader.isBetweenTags).toBe(true);
    readAll([file.subarray(13, 20)], reader);
    expect(reader.isBetweenTags).toBe(false);
  });

  it('skips a longer file header', () => {
    const header = Buffer.from(preamble.subarray(0, 9));
    header.writeUInt32BE(14, 5);
    const longer = Buffer.concat([header, Buffer.alloc(5, 0xff), file.subarray(9)]);
    for (let at = 0; at <= longer.length; at++) {
      expect(readAll([longer.subarray(0, at), longer.subarray(at)])).toEqual(tags);
    }
  });

  it('unwraps times that start over, and does not go below 0', () => {
    const times = [0xffffff00, 0xfffffff0, 5, 20, 0xfffffffa, 40];
    const bytes = flvFormat.encode(
      times.map((timestampMs) => testFrame({ kind: 'audio', payload: Buffer.from([0xaf]), timestampMs })),
    );
    const wrap = 2 ** 32;
    expect(readAll([preamble, bytes]).map(({ timestampMs }) => timestampMs)).toEqual([
      0xffffff00,
      0xfffffff0,
      wrap + 5,
      wrap + 20,
      0xfffffffa,
      wrap + 40,
    ]);
    expect(readAll([preamble, bytes.subarray(16 * 3)]).map(({ timestampMs }) => timestampMs)).toEqual([
      20, 0, 40,
    ]);
  });

  it('takes no notice of the times of data, which are often 0', () => {
    const mixed = [
      { kind: 'data', timestampMs: 0 },
      { kind: 'video', timestampMs: 0xffff_fff0 },
      { kind: 'data', timestampMs: 0 },
      { kind: 'video', timestampMs: 0x1_0000_0010 },
    ] as const;
    const bytes = flvFormat.encode(
      mixed.map((tag) => testFrame({ ...tag, payload: Buffer.from([0x17, 1, 0, 0, 0, 9]) })),
    );
    expect(readAll([preamble, bytes]).map(({ timestampMs }) => timestampMs)).toEqual([
      0, 0xffff_fff0, 0x1_0000_0000, 0x1_0000_0010,
    ]);
  });

  it('names the offset of what is wrong and stays failed', () => {
    expect(failureOf(() => readAll([Buffer.from('GET / HTTP/1.1')])).offset).toBe(0);
    const type = Buffer.from(file);
    type[13] = 7;
    const reader = new FlvReader();
    const failure = failureOf(() => readAll([type], reader));
    expect(failure.offset).toBe(13);
    expect(failureOf(() => readAll([file], reader))).toBe(failure);
  });

  it('refuses tags above its bound, as soon as their size is known', () => {
    const reader = new FlvReader({ maxTagBytes: 3 });
    const failure = failureOf(() => readAll([preamble, flvFormat.encode(frames.slice(3))], reader));
    expect(failure.offset).toBe(14);
  });

  it('refuses a data offset inside the header or far outside', () => {
    for (const offset of [8, 1025, 0xffffffff]) {
      const header = Buffer.from(preamble);
      header.writeUInt32BE(offset, 5);
      expect(failureOf(() => readAll([header])).offset).toBe(5);
    }
  });

  it('throws only ProtocolError for any bytes, at any split', () => {
    const start = fc.constantFrom(Buffer.alloc(0), preamble, file);
    const garbage = fc.tuple(start, fc.uint8Array({ maxLength: 200 }), fc.nat(300));
    fc.assert(
      fc.property(garbage, ([head, rest, splitAt]) => {
        const bytes = Buffer.concat([head, rest]);
        const outcome = (parts: readonly Buffer[]): unknown => {
          const reader = new FlvReader({ maxTagBytes: 64 });
          const read: FlvTag[] = [];
          try {
            for (const part of parts) reader.read(part, (tag) => read.push(tag));
          } catch (error) {
            if (!(error instanceof ProtocolError)) throw error;
            return { read, failedAt: error.offset };
          }
          return { read };
        };
        const split = [bytes.subarray(0, splitAt), bytes.subarray(splitAt)];
        expect(outcome(split)).toEqual(outcome([bytes]));
      }),
      { numRuns: 500 },
    );
  });
});
