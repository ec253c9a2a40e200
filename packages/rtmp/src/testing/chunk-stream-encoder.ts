// Writes a chunk stream in every way that RTMP 1.0 §5.3 allows, and in some that old encoders use, for tests of readers.
// It shares nothing with the writer of the package.
import type { RtmpMessage } from '../message.ts';

/** How a `ChunkStreamEncoder` writes. */
export interface ChunkStreamEncoderOptions {
  /** Default: 128. */
  readonly chunkSize?: number;
  /** Leaves the extended time out of format 3 chunks, as old encoders do. */
  readonly omitsRepeatedTime?: boolean;
  /** Names chunk streams 64 to 319 in 3 bytes where 2 would do. */
  readonly usesLongBasicHeaders?: boolean;
}

/** A message on its way out, chunk by chunk. */
export interface MessageInChunks {
  readonly isDone: boolean;
  /** The next chunk, with the chunk size that holds now. */
  nextChunk(): Buffer;
}

/** Format of a message's first chunk. */
export type FirstChunkFormat = 0 | 1 | 2 | 3;

interface History {
  timestamp: number;
  deltaMs: number;
  length: number;
  typeId: number;
  messageStreamId: number;
  repeatedTime: number | undefined;
}

/** Encodes messages into one connection's chunk stream. */
export class ChunkStreamEncoder {
  readonly #omitsRepeatedTime: boolean;
  readonly #usesLongBasicHeaders: boolean;
  readonly #histories = new Map<number, History>();
  #chunkSize: number;

  constructor(options: ChunkStreamEncoderOptions = {}) {
    this.#chunkSize = options.chunkSize ?? 128;
    this.#omitsRepeatedTime = options.omitsRepeatedTime ?? false;
    this.#usesLongBasicHeaders = options.usesLongBasicHeaders ?? false;
  }

  /** The size of chunks from now on, also of messages that are on their way. */
  setChunkSize(size: number): void {
    this.#chunkSize = size;
  }

  /** The formats with which a reader gets exactly this message, given what its chunk stream carried before. */
  possibleFormats(message: RtmpMessage): readonly FirstChunkFormat[] {
    const history = this.#histories.get(message.chunkStreamId);
    if (history?.messageStreamId !== message.messageStreamId) return [0];
    if (history.length !== message.payload.length || history.typeId !== message.typeId) return [0, 1];
    return history.deltaMs === uint32(message.timestampMs - history.timestamp) ? [0, 1, 2, 3] : [0, 1, 2];
  }

  /** The whole message, first with the given format, default 0, however wrong that is. */
  encode(message: RtmpMessage, format: FirstChunkFormat = 0): Buffer {
    const chunks: Buffer[] = [];
    const open = this.open(message, format);
    while (!open.isDone) chunks.push(open.nextChunk());
    return Buffer.concat(chunks);
  }

  /** Begins a message. Chunks of messages on other chunk streams may go in between. */
  open(message: RtmpMessage, format: FirstChunkFormat = 0): MessageInChunks {
    const history = this.#advance(message, format);
    const { payload } = message;
    let header = this.#firstHeader(message, format, history);
    let sentBytes = 0;
    let isDone = false;
    return {
      get isDone() {
        return isDone;
      },
      nextChunk: () => {
        const end = Math.min(sentBytes + this.#chunkSize, payload.length);
        const chunk = Buffer.concat([header, payload.subarray(sentBytes, end)]);
        sentBytes = end;
        isDone = sentBytes === payload.length;
        header = this.#nextHeader(message, history.repeatedTime);
        return chunk;
      },
    };
  }

  #advance(message: RtmpMessage, format: FirstChunkFormat): History {
    const timestamp = uint32(message.timestampMs);
    const before = this.#histories.get(message.chunkStreamId);
    const deltaMs = uint32(timestamp - (before?.timestamp ?? 0));
    const time = format === 0 ? timestamp : deltaMs;
    const inheritedMs = timestamp > 5000 ? 0 : timestamp;
    const history: History = {
      timestamp,
      deltaMs: format === 0 ? inheritedMs : deltaMs,
      length: message.payload.length,
      typeId: message.typeId,
      messageStreamId: message.messageStreamId,
      repeatedTime: format === 3 ? before?.repeatedTime : time >= 0xff_ff_ff ? time : undefined,
    };
    this.#histories.set(message.chunkStreamId, history);
    return history;
  }

  #firstHeader(message: RtmpMessage, format: FirstChunkFormat, history: History): Buffer {
    const { repeatedTime } = history;
    if (format === 3) return this.#nextHeader(message, repeatedTime);
    const time = repeatedTime ?? (format === 0 ? history.timestamp : history.deltaMs);
    const parts = [
      this.#basicHeader(format, message.chunkStreamId),
      bigEndian(Math.min(time, 0xff_ff_ff), 3),
    ];
    if (format <= 1) parts.push(bigEndian(message.payload.length, 3), bigEndian(message.typeId, 1));
    if (format === 0) parts.push(bigEndian(message.messageStreamId, 4).reverse());
    if (repeatedTime !== undefined) parts.push(bigEndian(repeatedTime, 4));
    return Buffer.concat(parts);
  }

  #nextHeader(message: RtmpMessage, repeatedTime: number | undefined): Buffer {
    const basic = this.#basicHeader(3, message.chunkStreamId);
    if (repeatedTime === undefined || this.#omitsRepeatedTime) return basic;
    return Buffer.concat([basic, bigEndian(repeatedTime, 4)]);
  }

  #basicHeader(format: number, id: number): Buffer {
    const top = format << 6;
    if (id < 64) return Buffer.of(top | id);
    if (id < 320 && !this.#usesLongBasicHeaders) return Buffer.of(top, id - 64);
    return Buffer.of(top | 1, (id - 64) & 0xff, (id - 64) >> 8);
  }
}

function bigEndian(value: number, bytes: number): Buffer {
  const target = Buffer.alloc(bytes);
  target.writeUIntBE(value, 0, bytes);
  return target;
}

function uint32(value: number): number {
  return value >>> 0;
}
