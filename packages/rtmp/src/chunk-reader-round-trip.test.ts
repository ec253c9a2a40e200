import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessages } from './chunk-writer.ts';
import { messageType, type RtmpMessage } from './message.ts';
import { ChunkStreamEncoder, readChunks, splitByLengths, type MessageInChunks } from './testing/index.ts';

const chunkStreams = [3, 4, 6, 63, 64, 65, 319, 320, 321, 577, 65_599];
const chunkSizes = fc.integer({ min: 1, max: 400 });

interface Step {
  readonly stream: number;
  readonly typeId: number;
  readonly messageStreamId: number;
  /** Added to the time of the message before it. */
  readonly stepMs: number;
  readonly payload: Buffer;
  /** Picks one of the formats that are possible. */
  readonly formatPick: number;
  /** How many chunks of other unfinished messages go before it. */
  readonly chunksBefore: number;
  /** Changes the chunk size first. */
  readonly chunkSize: number | undefined;
}

const steps = fc.array(
  fc.record({
    stream: fc.nat(chunkStreams.length - 1),
    typeId: fc.constantFrom(8, 9),
    messageStreamId: fc.constantFrom(1, 1, 1, 0x01020304),
    stepMs: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(0, 20, 23, 40) },
      { weight: 1, arbitrary: fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 0x1234567) },
    ),
    payload: fc
      .oneof(fc.uint8Array({ maxLength: 700 }), fc.constantFrom(new Uint8Array(0), new Uint8Array(100)))
      .map((bytes) => Buffer.from(bytes)),
    formatPick: fc.nat(11),
    chunksBefore: fc.nat(6),
    chunkSize: fc.option(chunkSizes, { freq: 6, nil: undefined }),
  }) satisfies fc.Arbitrary<Step>,
  { minLength: 1, maxLength: 30 },
);

const starts = fc.oneof(
  fc.constantFrom(0, 1, 0xfffff0, 0x7ffffff0, 0xfffffff0, 0xffffffff),
  fc.integer({ min: 0, max: 0xffffffff }),
);

/** Chunks of all messages as a peer might send them, and the messages in the order in which they are complete. */
class Sender {
  readonly bytes: Buffer[] = [];
  readonly completed: RtmpMessage[] = [];
  readonly #encoder: ChunkStreamEncoder;
  readonly #open = new Map<number, { message: RtmpMessage; chunks: MessageInChunks }>();

  constructor(encoder: ChunkStreamEncoder) {
    this.#encoder = encoder;
  }

  send(message: RtmpMessage, formatPick: number): void {
    const { chunkStreamId } = message;
    while (this.#open.has(chunkStreamId)) this.#sendChunk(chunkStreamId);
    const formats = this.#encoder.possibleFormats(message);
    const format = formats[formatPick % formats.length] ?? 0;
    this.#open.set(chunkStreamId, { message, chunks: this.#encoder.open(message, format) });
    this.#sendChunk(chunkStreamId);
  }

  sendChunks(count: number): void {
    for (let sent = 0; sent < count; sent += 1) {
      const ids = [...this.#open.keys()];
      const id = ids[sent % Math.max(ids.length, 1)];
      if (id === undefined) return;
      this.#sendChunk(id);
    }
  }

  setChunkSize(size: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(size);
    this.send({ chunkStreamId: 2, typeId: 1, messageStreamId: 0, timestampMs: 0, payload }, 0);
    while (this.#open.has(2)) this.#sendChunk(2);
    this.#encoder.setChunkSize(size);
  }

  #sendChunk(id: number): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.bytes.push(open.chunks.nextChunk());
    if (!open.chunks.isDone) return;
    this.#open.delete(id);
    this.completed.push(open.message);
  }
}

function receive(pieces: readonly Buffer[], chunkSize: number): RtmpMessage[] {
  return readChunks(pieces, {
    chunkSize,
    onMessage: ({ typeId, payload }, reader) => {
      if (typeId === messageType.setChunkSize) reader.setChunkSize(payload.readUInt32BE(0));
    },
  });
}

describe('ChunkReader', () => {
  it('gives back every message, however it was cut, interleaved, abbreviated and split', () => {
    const encoders = fc.record({
      chunkSize: chunkSizes,
      omitsRepeatedTime: fc.boolean(),
      usesLongBasicHeaders: fc.boolean(),
    });
    const lengths = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(encoders, starts, steps, lengths, (options, startMs, sequence, pieceLengths) => {
        const sender = new Sender(new ChunkStreamEncoder(options));
        let timestampMs = startMs;
        // The first one completes first, so that it says where time begins.
        sender.send(
          { chunkStreamId: 7, typeId: 9, messageStreamId: 1, timestampMs, payload: Buffer.of(1) },
          0,
        );
        for (const { stream, stepMs, formatPick, chunksBefore, chunkSize, ...fields } of sequence) {
          timestampMs += stepMs;
          if (chunkSize !== undefined) sender.setChunkSize(chunkSize);
          sender.sendChunks(chunksBefore);
          sender.send({ ...fields, chunkStreamId: chunkStreams[stream] ?? 3, timestampMs }, formatPick);
        }
        sender.sendChunks(100_000);
        // Shows an omitting encoder's last chunk to be payload, should it look like the beginning of a time.
        sender.send(
          { chunkStreamId: 8, typeId: 9, messageStreamId: 1, timestampMs, payload: Buffer.of(2) },
          0,
        );
        const received = receive(
          splitByLengths(Buffer.concat(sender.bytes), pieceLengths),
          options.chunkSize,
        );
        expect(received).toEqual(sender.completed);
      }),
      { numRuns: 300 },
    );
  });

  it('reads what the writer of this package writes', () => {
    const messages = [0, 40, 0xffffff, 2 ** 31, 2 ** 32 - 1].map((timestampMs, at) => {
      const payload = Buffer.alloc(at * 50_000, at);
      return { chunkStreamId: 4 + at * 100, typeId: 9, messageStreamId: at, timestampMs, payload };
    });
    for (const chunkSize of [128, 4096, 60_000]) {
      const received = receive(splitByLengths(encodeMessages(messages, chunkSize), [65_536]), chunkSize);
      expect(received.map(({ payload, ...head }) => ({ ...head, length: payload.length }))).toEqual(
        messages.map(({ payload, ...head }) => ({ ...head, length: payload.length })),
      );
      for (const [at, { payload }] of received.entries()) {
        expect(payload.equals(messages[at]?.payload ?? Buffer.of(0))).toBe(true);
      }
    }
  });
});
