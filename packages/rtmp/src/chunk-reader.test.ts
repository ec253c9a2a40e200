import { ProtocolError } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { ChunkReader } from './chunk-reader.ts';
import { defaultChunkReaderLimits } from './limits.ts';
import type { RtmpMessage } from './message.ts';
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

describe('ChunkReader on headers', () => {
  it('reads a whole header, message stream id little-endian', () => {
    const bytes = hex('05 000102 000003 08 01020304 616263');
    const expected = { chunkStreamId: 5, typeId: 8, messageStreamId: 0x04030201, timestampMs: 0x0102 };
    expect(readChunksAtEverySplit(bytes)).toEqual([{ ...expected, payload: Buffer.from('abc') }]);
  });

  it('inherits what formats 1, 2 and 3 leave out', () => {
    const bytes = hex(
      format0('000064'), // 100
      '44 000001 000003 08 616263', // +1, new length and type
      '84 000014 646566', // +20
      'c4 676869', // +20 again
    );
    const messages = readChunksAtEverySplit(bytes);
    expect(payloads(messages)).toEqual(['ab', 'abc', 'def', 'ghi']);
    expect(times(messages)).toEqual([100, 101, 121, 141]);
    expect(messages.map(({ typeId }) => typeId)).toEqual([9, 8, 8, 8]);
    expect(messages.map(({ messageStreamId }) => messageStreamId)).toEqual([1, 1, 1, 1]);
  });

  it('keeps what is inherited apart for each chunk stream', () => {
    const bytes = hex(
      format0('000064'),
      '05 0003e8 000001 08 02000000 78',
      'c4 6364',
      '85 000005 79',
      'c4 6566',
    );
    const messages = readChunksAtEverySplit(bytes);
    expect(payloads(messages)).toEqual(['ab', 'x', 'cd', 'y', 'ef']);
    expect(times(messages)).toEqual([100, 1000, 200, 1005, 300]);
  });

  it.each([2, 3, 63, 64, 255, 256, 319, 320, 321, 577, 16_448, 65_598, 65_599])(
    'reads chunk stream id %i in every form that can name it',
    (chunkStreamId) => {
      for (const usesLongBasicHeaders of [false, true]) {
        const encoder = new ChunkStreamEncoder({ usesLongBasicHeaders });
        const sent = message({ chunkStreamId, payload: text(300) });
        expect(readChunks(bytesOneByOne(encoder.encode(sent)))).toEqual([sent]);
      }
    },
  );

  it('takes the 2-byte and the 3-byte form for the same chunk stream', () => {
    const messages = readChunksAtEverySplit(hex('00 24 000005 000001 08 01000000 78', 'c1 2400 79'));
    expect(messages.map(({ chunkStreamId }) => chunkStreamId)).toEqual([100, 100]);
    expect(times(messages)).toEqual([5, 10]);
  });

  it('does not mix up ids that share a low byte', () => {
    const [a, b] = [message({ chunkStreamId: 65, payload: text(200) }), message({ chunkStreamId: 321 })];
    const encoder = new ChunkStreamEncoder();
    const open = encoder.open(a);
    const bytes = Buffer.concat([open.nextChunk(), encoder.encode(b), open.nextChunk()]);
    expect(readChunksAtEverySplit(bytes)).toEqual([b, a]);
  });

  it('takes format 1 on a chunk stream with no history for message stream 0', () => {
    const [ping] = readChunksAtEverySplit(hex('42 000000 000006 04 000300000001'));
    expect(ping).toMatchObject({ chunkStreamId: 2, typeId: 4, messageStreamId: 0, timestampMs: 0 });
  });

  it.each(['84 000000', 'c4'])('refuses %s on a chunk stream with no history', (header) => {
    expect(() => readChunksAtEverySplit(hex(header, '00'))).toThrow(ProtocolError);
  });

  it('delivers messages of length 0 at once, also by formats 2 and 3', () => {
    const lengths = (bytes: Buffer): number[] =>
      readChunksAtEverySplit(bytes).map(({ payload }) => payload.length);
    expect(lengths(hex('04 000001 000000 09 01000000'))).toEqual([0]);
    expect(lengths(hex('04 000001 000000 09 01000000', '84 000001', 'c4', 'c4'))).toEqual([0, 0, 0, 0]);
  });

  it('says where in the connection a chunk is wrong', () => {
    const reader = new ChunkReader(defaultChunkReaderLimits, 3073);
    reader.read(hex(format0('000000')), () => undefined);
    expect(reader.bytesRead).toBe(3087);
    expect(() => {
      reader.read(hex(format0('000000'), '8f'), () => undefined);
      reader.read(hex('000000'), () => undefined);
    }).toThrow(expect.objectContaining({ offset: 3101 }));
  });
});

describe('ChunkReader on chunks', () => {
  it('reads messages whose chunks alternate', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 10 });
    const video = message({ chunkStreamId: 6, payload: text(35) });
    const audio = message({ chunkStreamId: 400, typeId: 8, payload: text(25, 3) });
    const ping = message({ chunkStreamId: 2, typeId: 4, messageStreamId: 0, payload: text(6) });
    const [a, b] = [encoder.open(video), encoder.open(audio)];
    const chunks = [a.nextChunk(), b.nextChunk(), a.nextChunk(), encoder.encode(ping)];
    chunks.push(b.nextChunk(), b.nextChunk(), a.nextChunk(), a.nextChunk());
    expect(readChunksAtEverySplit(Buffer.concat(chunks), { chunkSize: 10 })).toEqual([ping, audio, video]);
  });

  it('gives each payload exactly sized memory of its own, or leaves it in a read that has little else', () => {
    const bytes = new ChunkStreamEncoder({ chunkSize: 200_000 }).encode(message({ payload: text(190_000) }));
    const ways = [[bytes], [bytes.subarray(0, 100), bytes.subarray(100)], bytesOneByOne(bytes)];
    for (const pieces of ways) {
      const [only] = readChunks(pieces, { chunkSize: 200_000 });
      expect(only?.payload.equals(text(190_000))).toBe(true);
      expect(only?.payload.buffer.byteLength).toBe(pieces.length === 1 ? bytes.length : 190_000);
    }
  });

  it.each([
    [10, 3],
    [3, 10],
    [10, 1],
    [1, 100],
  ])('changes the chunk size from %i to %i in the middle of a message', (before, after) => {
    const encoder = new ChunkStreamEncoder({ chunkSize: before });
    const video = message({ payload: text(35) });
    const size = Buffer.alloc(4);
    size.writeUInt32BE(after);
    const change = message({ chunkStreamId: 2, typeId: 1, messageStreamId: 0, payload: size });
    const open = encoder.open(video);
    const chunks = [open.nextChunk(), open.nextChunk(), encoder.encode(change)];
    encoder.setChunkSize(after);
    while (!open.isDone) chunks.push(open.nextChunk());
    const messages = readChunksAtEverySplit(Buffer.concat(chunks), {
      chunkSize: before,
      onMessage: ({ typeId, payload }, reader) => {
        if (typeId === 1) reader.setChunkSize(payload.readUInt32BE(0));
      },
    });
    expect(messages).toEqual([change, video]);
  });

  it('lets a chunk that has begun keep its size when the size changes between reads', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 10 });
    const sent = message({ payload: text(15) });
    const open = encoder.open(sent);
    const first = open.nextChunk();
    encoder.setChunkSize(2);
    const messages: RtmpMessage[] = [];
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.setChunkSize(10);
    reader.read(first.subarray(0, 14), (each) => messages.push(each));
    reader.setChunkSize(2);
    reader.read(first.subarray(14), (each) => messages.push(each));
    while (!open.isDone) reader.read(open.nextChunk(), (each) => messages.push(each));
    expect(messages).toEqual([sent]);
  });

  it.each([0, -1, 1.5, Number.NaN, 0x80000000, 0xffffffff])('refuses a chunk size of %d', (size) => {
    expect(() => {
      new ChunkReader(defaultChunkReaderLimits).setChunkSize(size);
    }).toThrow(ProtocolError);
  });

  it.each([0x1000000, 0x7fffffff])(
    'takes a chunk size of %d for all that a message can have',
    (chunkSize) => {
      const sent = message({ payload: text(70_000) });
      const bytes = new ChunkStreamEncoder({ chunkSize }).encode(sent);
      expect(readChunks([bytes], { chunkSize })[0]?.payload.equals(sent.payload)).toBe(true);
    },
  );

  it('drops an unfinished message for a new one with a whole header, and mixes no bytes', () => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 10 });
    const first = encoder.open(message({ payload: text(35) })).nextChunk();
    const second = message({ payload: text(12, 50), timestampMs: 7 });
    expect(readChunksAtEverySplit(Buffer.concat([first, encoder.encode(second)]), { chunkSize: 10 })).toEqual(
      [second],
    );
  });

  it.each([1, 2] as const)('refuses a new message of format %i within a message', (format) => {
    const encoder = new ChunkStreamEncoder({ chunkSize: 10 });
    const first = encoder.open(message({ payload: text(35) })).nextChunk();
    const second = encoder.encode(message({ payload: text(12) }), format);
    expect(() => readChunksAtEverySplit(Buffer.concat([first, second]), { chunkSize: 10 })).toThrow(
      ProtocolError,
    );
  });
});

describe('ChunkReader.abort', () => {
  const encoder = new ChunkStreamEncoder({ chunkSize: 10 });
  const video = message({ chunkStreamId: 6, payload: text(35) });
  const audio = message({ chunkStreamId: 4, typeId: 8, payload: text(15, 9) });
  const abort = message({ chunkStreamId: 2, typeId: 2, messageStreamId: 0, payload: hex('00000006') });
  const onMessage = ({ typeId }: RtmpMessage, reader: ChunkReader): void => {
    if (typeId === 2) reader.abort(6);
  };

  it('drops the unfinished message of its chunk stream and no other', () => {
    const [a, b] = [encoder.open(video), encoder.open(audio)];
    const chunks = [a.nextChunk(), b.nextChunk(), encoder.encode(abort), b.nextChunk()];
    chunks.push(encoder.encode(video, 3));
    const messages = readChunksAtEverySplit(Buffer.concat(chunks), { chunkSize: 10, onMessage });
    expect(messages).toEqual([abort, audio, video]);
  });

  it('changes nothing where there is no unfinished message', () => {
    const bytes = Buffer.concat([encoder.encode(video), encoder.encode(abort), encoder.encode(video, 2)]);
    expect(readChunksAtEverySplit(bytes, { chunkSize: 10, onMessage })).toEqual([video, abort, video]);
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.abort(6);
    reader.abort(0xffffffff);
  });

  it('skips the rest of a chunk when it comes between reads', () => {
    const bytes = Buffer.concat([encoder.open(video).nextChunk(), encoder.encode(audio)]);
    const messages: RtmpMessage[] = [];
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.setChunkSize(10);
    reader.read(bytes.subarray(0, 15), (each) => messages.push(each));
    reader.abort(6);
    reader.read(bytes.subarray(15), (each) => messages.push(each));
    reader.read(encoder.encode(video, 3), (each) => messages.push(each));
    expect(messages).toEqual([audio, video]);
  });
});
