import { ProtocolError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkReader } from './chunk-reader.ts';
import { defaultChunkReaderLimits } from './limits.ts';
import type { RtmpMessage } from './message.ts';
import { ChunkStreamEncoder, splitByLengths } from './testing/index.ts';

const mebibyte = 1024 * 1024;
const ignore = (): void => undefined;

function message(chunkStreamId: number, payload: Buffer): RtmpMessage {
  return { chunkStreamId, typeId: 9, messageStreamId: 1, timestampMs: 0, payload };
}

/** A header of format 0 that announces a length, without payload. */
function announcement(chunkStreamId: number, length: number): Buffer {
  const header = new ChunkStreamEncoder().encode(message(chunkStreamId, Buffer.alloc(0)));
  header.writeUIntBE(length, header.length - 8, 3);
  return header;
}

/** Memory outside of the heap that the reading of the bytes left behind. */
function arrayBufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

describe('ChunkReader limits', () => {
  it('takes a message of 10 MiB and refuses a longer one by its header alone', () => {
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.setChunkSize(0x7fffffff);
    const lengths: number[] = [];
    const bytes = new ChunkStreamEncoder({ chunkSize: 0xffffff }).encode(
      message(6, Buffer.alloc(10 * mebibyte)),
    );
    for (const piece of splitByLengths(bytes, [65_536])) {
      reader.read(piece, (each) => lengths.push(each.payload.length));
    }
    expect(lengths).toEqual([10 * mebibyte]);
    expect(() => {
      reader.read(announcement(6, 10 * mebibyte + 1), ignore);
    }).toThrow(ProtocolError);
  });

  it('refuses the 257th chunk stream, however the others were used', () => {
    const reader = new ChunkReader(defaultChunkReaderLimits);
    for (let id = 2; id < 258; id += 1) {
      reader.read(Buffer.concat([announcement(id, id % 2), Buffer.alloc(id % 2)]), ignore);
    }
    reader.read(announcement(2, 0), ignore);
    expect(() => {
      reader.read(announcement(258, 0), ignore);
    }).toThrow(ProtocolError);
  });

  it('refuses more than 24 MiB in messages that never end', () => {
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.setChunkSize(mebibyte);
    const payload = Buffer.alloc(mebibyte);
    let sentBytes = 0;
    const flood = (): void => {
      for (let id = 10; id < 50; id += 1) {
        reader.read(Buffer.concat([announcement(id, 10 * mebibyte), payload]), ignore);
        sentBytes += payload.length;
      }
    };
    expect(flood).toThrow(ProtocolError);
    expect(sentBytes).toBeGreaterThan(20 * mebibyte);
    expect(sentBytes).toBeLessThanOrEqual(24 * mebibyte);
  });

  it('does not allocate what is announced before it comes', () => {
    const before = arrayBufferBytes();
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.setChunkSize(1);
    for (let id = 2; id < 258; id += 1) {
      reader.read(Buffer.concat([announcement(id, 10 * mebibyte), Buffer.of(1)]), ignore);
    }
    expect(arrayBufferBytes() - before).toBeLessThan(6 * mebibyte);
    expect(reader.bytesRead).toBeLessThan(5000);
  });

  it('has its whole budget again when messages are finished, aborted or given up', () => {
    const limits = { messageBytes: 1000, unfinishedBytes: 1000, chunkStreams: 8 };
    const reader = new ChunkReader(limits);
    const encoder = new ChunkStreamEncoder({ chunkSize: 500 });
    reader.setChunkSize(500);
    const large = message(6, Buffer.alloc(1000));
    for (let round = 0; round < 5; round += 1) {
      reader.read(encoder.encode(large), ignore);
      reader.read(encoder.open(large).nextChunk(), ignore);
      reader.abort(6);
      reader.read(encoder.open(large).nextChunk(), ignore);
      reader.read(encoder.open(large).nextChunk(), ignore);
      reader.abort(6);
    }
    reader.read(encoder.open(large).nextChunk(), ignore);
    expect(() => {
      reader.read(encoder.encode(message(7, Buffer.alloc(1))), ignore);
    }).toThrow(ProtocolError);
  });
});

describe('ChunkReader on hostile bytes', () => {
  const limits = { messageBytes: 3000, unfinishedBytes: 5000, chunkStreams: 16 };
  const pieces = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 });

  function readAll(bytes: Buffer, lengths: readonly number[]): void {
    const reader = new ChunkReader(limits);
    let deliveredBytes = 0;
    try {
      for (const piece of splitByLengths(bytes, lengths)) {
        reader.read(piece, ({ typeId, payload, timestampMs }) => {
          deliveredBytes += payload.length;
          expect(Number.isSafeInteger(timestampMs) && timestampMs >= 0).toBe(true);
          if (typeId === 1 && payload.length >= 4) reader.setChunkSize(payload.readUInt32BE(0));
          if (typeId === 2 && payload.length >= 4) reader.abort(payload.readUInt32BE(0));
        });
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      expect(error.offset).toBeLessThanOrEqual(bytes.length);
    }
    expect(deliveredBytes).toBeLessThanOrEqual(bytes.length);
  }

  it('throws only ProtocolError on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), pieces, (bytes, lengths) => {
        readAll(Buffer.from(bytes), lengths);
      }),
      { numRuns: 1000 },
    );
  });

  it('throws only ProtocolError on a valid stream with some bytes changed', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 128 });
    const valid = Buffer.concat([
      encoder.encode({ ...message(2, Buffer.from([0, 0, 0, 128])), typeId: 1 }),
      encoder.encode(message(6, Buffer.alloc(500, 1))),
      encoder.encode({ ...message(6, Buffer.alloc(500, 2)), timestampMs: 0x1234567 }, 2),
      encoder.encode({ ...message(4, Buffer.alloc(20, 3)), timestampMs: 0xfffffff0 }),
      encoder.encode({ ...message(2, Buffer.from([0, 0, 0, 6])), typeId: 2 }),
      encoder.encode({ ...message(300, Buffer.alloc(300, 4)), timestampMs: 40 }),
    ]);
    const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(changes, pieces, (edits, lengths) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of edits) bytes[at] = value;
        readAll(bytes, lengths);
      }),
      { numRuns: 1000 },
    );
  });
});
