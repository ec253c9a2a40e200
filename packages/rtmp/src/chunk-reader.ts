// Reads the chunk stream (RTMP 1.0 §5.3). Bytes come split anywhere; a header that is cut is carried over, payload goes
// straight from the bytes read into the message's own memory, or stays there when it is most of them. Messages of different
// chunk streams interleave freely.
import { ProtocolError, type ErrorDetails } from '@headwater/contracts';
import { fillsItsMemory } from '@headwater/media';
import { ChunkHeader, maxChunkHeaderBytes } from './chunk-header.ts';
import { ChunkStream } from './chunk-stream.ts';
import { ChunkTimestamps } from './chunk-timestamps.ts';
import { initialChunkSize, type ChunkReaderLimits } from './limits.ts';
import type { RtmpMessage } from './message.ts';

const maxAnnouncedChunkSize = 0x7f_ff_ff_ff;

/**
 * Reads the chunk stream of one connection. `setChunkSize` and `abort` may be called from within `onMessage` and hold
 * from the very next chunk on. Once it has thrown, or `onMessage` has, a reader is spent.
 */
export class ChunkReader {
  readonly #limits: ChunkReaderLimits;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #timestamps = new ChunkTimestamps();
  readonly #header = new ChunkHeader();
  readonly #repeatedTime = (id: number): number => this.#streams.get(id)?.repeatedTime ?? -1;
  readonly #carry: Buffer = Buffer.alloc(maxChunkHeaderBytes);
  #carriedBytes = 0;
  #chunkSize = initialChunkSize;
  /** The chunk stream whose chunk is being read, and how much of that chunk's payload is still to come. */
  #current: ChunkStream | undefined;
  #chunkBytesLeft = 0;
  #unfinishedBytes = 0;
  #bytesRead: number;
  /** Where in the connection the header of the current chunk begins. */
  #chunkOffset = 0;

  /** `startOffset` is what the connection carried before, i.e. `handshakeBytes`; errors and `bytesRead` count from it. */
  constructor(limits: ChunkReaderLimits, startOffset: number = 0) {
    this.#limits = limits;
    this.#bytesRead = startOffset;
  }

  /** All bytes given so far, those of the running `read` included, plus the start offset. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * Calls `onMessage` for every message that the bytes complete; payloads may be views of them, so that they must not
   * change any more. Throws `ProtocolError`.
   */
  read(bytes: Buffer, onMessage: (message: RtmpMessage) => void): void {
    const position = this.#bytesRead;
    this.#bytesRead += bytes.length;
    this.#consume(bytes, position, onMessage);
  }

  /** The peer's Set Chunk Size, for each chunk that begins from now on. Throws `ProtocolError` unless 1 to 0x7FFFFFFF. */
  setChunkSize(size: number): void {
    if (!Number.isInteger(size) || size < 1 || size > maxAnnouncedChunkSize) {
      throw this.#error('chunk size is not within 1 to 0x7FFFFFFF', { chunkSize: size });
    }
    this.#chunkSize = size;
  }

  /** The peer's Abort: drops the unfinished message of a chunk stream, if there is one. */
  abort(chunkStreamId: number): void {
    const stream = this.#streams.get(chunkStreamId);
    if (stream !== undefined) this.#take(stream);
  }

  #consume(bytes: Buffer, position: number, onMessage: (message: RtmpMessage) => void): void {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#current === undefined) {
        offset += this.#readHeader(bytes, offset, position + offset, onMessage);
      } else {
        offset += this.#readPayload(this.#current, bytes, offset);
      }
      if (this.#current !== undefined && this.#chunkBytesLeft === 0) this.#endChunk(this.#current, onMessage);
    }
  }

  /** Returns how many of the bytes belong to the header; all, when it goes on behind them. */
  #readHeader(
    bytes: Buffer,
    offset: number,
    position: number,
    onMessage: (message: RtmpMessage) => void,
  ): number {
    if (this.#carriedBytes > 0) return this.#readCarriedHeader(bytes, offset, position, onMessage);
    this.#chunkOffset = position;
    const headerBytes = this.#header.parse(bytes, offset, this.#repeatedTime);
    if (headerBytes > 0) {
      this.#beginChunk(this.#header);
      return headerBytes;
    }
    this.#carriedBytes = bytes.copy(this.#carry, 0, offset);
    return this.#carriedBytes;
  }

  /** The same for a header whose beginning came with an earlier read. */
  #readCarriedHeader(
    bytes: Buffer,
    offset: number,
    position: number,
    onMessage: (message: RtmpMessage) => void,
  ): number {
    const carried = this.#carriedBytes;
    const added = bytes.copy(this.#carry, carried, offset);
    const known = this.#carry.subarray(0, carried + added);
    const headerBytes = this.#header.parse(known, 0, this.#repeatedTime);
    if (headerBytes === 0) {
      this.#carriedBytes = known.length;
      return added;
    }
    this.#carriedBytes = 0;
    this.#beginChunk(this.#header);
    if (headerBytes >= carried) return headerBytes - carried;
    // What looked like the beginning of a repeated time was payload.
    const payload = Buffer.from(known.subarray(headerBytes, carried));
    this.#consume(payload, position - payload.length, onMessage);
    return 0;
  }

  #beginChunk(header: ChunkHeader): void {
    const stream = this.#streams.get(header.chunkStreamId) ?? this.#addStream(header);
    if (stream.isUnfinished && header.format !== 3) {
      // Only a whole header says for certain that the message before it was given up.
      if (header.format !== 0) throw this.#error('new header within a message', headerDetails(header));
      this.#take(stream);
    }
    if (!stream.isUnfinished) {
      stream.begin(header);
      if (stream.length > this.#limits.messageBytes) {
        throw this.#error('message is too long', { ...headerDetails(header), length: stream.length });
      }
    }
    this.#current = stream;
    this.#chunkBytesLeft = Math.min(this.#chunkSize, stream.length - stream.receivedBytes);
  }

  #addStream(header: ChunkHeader): ChunkStream {
    // Format 1 lacks only the message stream id; librtmp opens a chunk stream with it for messages on stream 0.
    if (header.format > 1) {
      throw this.#error('first header of a chunk stream inherits', headerDetails(header));
    }
    if (this.#streams.size >= this.#limits.chunkStreams) {
      throw this.#error('too many chunk streams', {
        ...headerDetails(header),
        limit: this.#limits.chunkStreams,
      });
    }
    const stream = new ChunkStream(header.chunkStreamId);
    this.#streams.set(stream.id, stream);
    return stream;
  }

  /** Returns how many of the bytes belong to the chunk's payload. */
  #readPayload(stream: ChunkStream, bytes: Buffer, offset: number): number {
    const available = bytes.length - offset;
    const taken = Math.min(this.#chunkBytesLeft, available);
    this.#chunkBytesLeft -= taken;
    // Aborted from outside of `onMessage`, in the middle of a chunk.
    if (!stream.isUnfinished) return taken;
    // A message that came as one piece, and with little else, stays where it is: no copy, no memory of its own.
    const isWhole = taken === stream.length && fillsItsMemory(taken, bytes.buffer);
    this.#unfinishedBytes += isWhole ? taken : stream.reserve(taken, available);
    if (this.#unfinishedBytes > this.#limits.unfinishedBytes) {
      throw this.#error('too much in unfinished messages', { limit: this.#limits.unfinishedBytes });
    }
    if (isWhole) stream.adopt(bytes.subarray(offset, offset + taken));
    else stream.append(bytes, offset, offset + taken);
    return taken;
  }

  #endChunk(stream: ChunkStream, onMessage: (message: RtmpMessage) => void): void {
    this.#current = undefined;
    if (!stream.isUnfinished || stream.receivedBytes < stream.length) return;
    onMessage({
      chunkStreamId: stream.id,
      typeId: stream.typeId,
      messageStreamId: stream.messageStreamId,
      timestampMs: this.#timestamps.unwrap(stream.typeId, stream.timestamp),
      payload: this.#take(stream),
    });
  }

  #take(stream: ChunkStream): Buffer {
    this.#unfinishedBytes -= stream.reservedBytes;
    return stream.takePayload();
  }

  #error(what: string, details: ErrorDetails): ProtocolError {
    return new ProtocolError(what, this.#chunkOffset, details);
  }
}

function headerDetails(header: ChunkHeader): ErrorDetails {
  return { chunkStreamId: header.chunkStreamId, format: header.format };
}
