// What the messages of a connection cost in memory: while they come, and as long as somebody keeps them.
import { FrameRing } from '@headwater/media';
import { memoryUnder } from '@headwater/media/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { splitAggregate } from './aggregate.ts';
import { ChunkReader } from './chunk-reader.ts';
import { encodeMessages } from './chunk-writer.ts';
import { defaultChunkReaderLimits } from './limits.ts';
import type { RtmpMessage } from './message.ts';
import { splitByLengths } from './testing/index.ts';

const chunkSize = 60_000;

function audio(payloadBytes: number): RtmpMessage {
  const payload = Buffer.alloc(payloadBytes, 0xaf);
  return { chunkStreamId: 4, typeId: 8, messageStreamId: 1, timestampMs: 0, payload };
}

function newReader(): ChunkReader {
  const reader = new ChunkReader(defaultChunkReaderLimits);
  reader.setChunkSize(chunkSize);
  return reader;
}

/** Memory as transports give it: each read has its own. */
function ownReads(pieces: readonly Buffer[]): Buffer[] {
  return pieces.map((piece) => {
    const read = Buffer.allocUnsafeSlow(piece.length);
    piece.copy(read);
    return read;
  });
}

/** Memory that Node's pool gives to many, one after the other. */
function pooledRead(piece: Buffer): Buffer {
  const read = Buffer.from(piece);
  Buffer.allocUnsafe(4_000);
  return read;
}

describe('what is kept of a stream of small frames', () => {
  const frames = Array.from({ length: 300 }, (_, index) => audio(60 + (index % 7) * 50));
  const bytes = encodeMessages(frames, chunkSize);
  const whole = frames.map((frame) => encodeMessages([frame], chunkSize));
  const others = { ...audio(2_000), typeId: 20 };
  const mixed = encodeMessages(
    frames.flatMap((frame) => [frame, others]),
    chunkSize,
  );

  it.each([
    ['one message', ownReads(whole)],
    ['one message, of a pool', whole.map(pooledRead)],
    ['a part of a message', ownReads(splitByLengths(bytes, [50]))],
    ['many messages', ownReads(splitByLengths(bytes, [65_536]))],
    ['many messages that nobody keeps', ownReads(splitByLengths(mixed, [65_536]))],
  ])('is at most twice as large as the frames when each read has %s', (_, reads) => {
    const reader = newReader();
    const ring = new FrameRing({ keep: 'all' });
    for (const read of reads) {
      reader.read(read, ({ typeId, payload, timestampMs }) => {
        if (typeId !== others.typeId) {
          ring.push({ kind: 'audio', role: 'media', sequence: ring.nextSequence, timestampMs, payload });
        }
      });
    }
    const kept = ring.after(ring.firstSequence - 1) ?? [];
    expect(kept).toHaveLength(frames.length);
    expect(memoryUnder(kept.map(({ payload }) => payload))).toBeLessThanOrEqual(2 * ring.bytes);
  });

  it('is not the aggregate that one of them came in', () => {
    const small = Buffer.from('080000020000000000000 0af01 0000000d'.replaceAll(' ', ''), 'hex');
    const filler = Buffer.alloc(100_000);
    filler.writeUIntBE(filler.length - 15, 1, 3);
    const payload = Buffer.concat([small, filler]);
    const kept: Buffer[] = [];
    splitAggregate({ ...audio(0), typeId: 22, payload }, (message) => {
      if (message.typeId === 8) kept.push(message.payload);
    });
    expect(kept).toEqual([Buffer.from('af01', 'hex')]);
    expect(memoryUnder(kept)).toBe(2);
  });
});

describe('memory made for messages', () => {
  const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
  afterEach(() => {
    allocated.mockClear();
  });

  function bytesMadeFor(reader: ChunkReader, pieces: readonly Buffer[]): number {
    const reads = ownReads(pieces);
    allocated.mockClear();
    for (const read of reads) reader.read(read, () => undefined);
    return allocated.mock.calls.reduce((sum, [size]) => sum + size, 0);
  }

  it('is none when a message comes in a read of its own', () => {
    expect(bytesMadeFor(newReader(), [encodeMessages([audio(400)], chunkSize)])).toBe(0);
  });

  it('is no more than what they need, once the first of their kind has come', () => {
    const reader = newReader();
    const pieces = splitByLengths(encodeMessages([audio(150_000)], chunkSize), [1460]);
    expect(bytesMadeFor(reader, pieces)).toBeGreaterThan(200_000);
    expect(bytesMadeFor(reader, pieces)).toBe(150_000);
  });

  it('is not made for what is announced and was never sent as much before', () => {
    const reader = newReader();
    bytesMadeFor(reader, [encodeMessages([audio(20_000)], chunkSize)]);
    const announced = encodeMessages([audio(59_000)], chunkSize).subarray(0, 100);
    expect(bytesMadeFor(reader, [announced])).toBe(20_000);
  });
});
