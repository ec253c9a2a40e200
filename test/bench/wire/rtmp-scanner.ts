// Reads an RTMP chunk stream (RTMP 1.0 §5.3) for its headers alone: payloads are counted and skipped, nothing is
// reassembled, and nothing is allocated once each chunk stream was seen. It knows all four header formats, all three
// basic headers, extended timestamps and Set Chunk Size, so that any server's output can be measured.
import { HEAD_BYTES, headLimit, ScanError, type MediaListener } from './media-listener.ts';

const MESSAGE_HEADER_BYTES = [11, 7, 3, 0];
const EXTENDED = 0xffffff;
const SET_CHUNK_SIZE = 1;
const ABORT = 2;
const MAX_CHUNK_STREAMS = 256;

class ChunkStream {
  lengthBytes = 0;
  type = 0;
  receivedBytes = 0;
  headBytes = 0;
  isExtended = false;
  isBegun = false;
  readonly head: Buffer = Buffer.alloc(HEAD_BYTES);
}

/** An incremental chunk scanner: feed it every byte after the handshake, in pieces of any size. */
export class RtmpScanner {
  readonly #listener: MediaListener;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #header: Buffer = Buffer.alloc(18);
  #headerBytes = 0;
  #headerNeeded = 1;
  #isHeaderKnown = false;
  #chunkSize = 128;
  #chunkLeft = 0;
  #current: ChunkStream | undefined;

  constructor(listener: MediaListener) {
    this.#listener = listener;
  }

  /** Scans `bytes[start, end)`; throws ScanError when they cannot be a chunk stream. */
  scan(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const stream = this.#current;
      if (stream === undefined) {
        this.#header[this.#headerBytes] = bytes[at] ?? 0;
        this.#headerBytes += 1;
        at += 1;
        if (this.#headerBytes === this.#headerNeeded) this.#readHeader();
      } else {
        const take = Math.min(this.#chunkLeft, end - at);
        this.#keepHead(stream, bytes, at, take);
        stream.receivedBytes += take;
        this.#chunkLeft -= take;
        at += take;
        if (this.#chunkLeft === 0) this.#endChunk(stream);
      }
    }
  }

  /** Looks at the header bytes gathered so far: asks for more, or begins the chunk when they are all there. */
  #readHeader(): void {
    const first = this.#header[0] ?? 0;
    const low = first & 0x3f;
    const basicBytes = low === 0 ? 2 : low === 1 ? 3 : 1;
    const format = first >> 6;
    if (!this.#isHeaderKnown) {
      const needed = basicBytes + (MESSAGE_HEADER_BYTES[format] ?? 0);
      this.#isHeaderKnown = true;
      this.#headerNeeded = needed;
      if (this.#headerBytes < needed) return;
    }
    const stream = this.#stream(low, format);
    const fieldsEnd = basicBytes + (MESSAGE_HEADER_BYTES[format] ?? 0);
    if (this.#headerBytes === fieldsEnd) {
      if (format < 3) stream.isExtended = this.#header.readUIntBE(basicBytes, 3) === EXTENDED;
      if (stream.isExtended) {
        this.#headerNeeded = fieldsEnd + 4;
        return;
      }
    }
    this.#beginChunk(stream, format, basicBytes);
  }

  #stream(low: number, format: number): ChunkStream {
    const header = this.#header;
    const id = low === 0 ? header.readUInt8(1) + 64 : low === 1 ? header.readUInt16LE(1) + 64 : low;
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      if (format > 1) throw new ScanError(`format ${String(format)} opens chunk stream ${String(id)}`);
      if (this.#streams.size >= MAX_CHUNK_STREAMS) throw new ScanError('too many chunk streams');
      stream = new ChunkStream();
      this.#streams.set(id, stream);
    }
    return stream;
  }

  #beginChunk(stream: ChunkStream, format: number, basicBytes: number): void {
    if (format < 3 && stream.receivedBytes > 0) throw new ScanError('a message begins inside another');
    if (format < 2) {
      stream.lengthBytes = this.#header.readUIntBE(basicBytes + 3, 3);
      stream.type = this.#header.readUInt8(basicBytes + 6);
    }
    this.#headerBytes = 0;
    this.#headerNeeded = 1;
    this.#isHeaderKnown = false;
    this.#current = stream;
    this.#chunkLeft = Math.min(this.#chunkSize, stream.lengthBytes - stream.receivedBytes);
    if (this.#chunkLeft === 0) this.#endChunk(stream);
  }

  #keepHead(stream: ChunkStream, bytes: Buffer, at: number, available: number): void {
    if (stream.isBegun) return;
    const wanted = Math.min(headLimit(stream.type), stream.lengthBytes);
    const take = Math.min(wanted - stream.headBytes, available);
    bytes.copy(stream.head, stream.headBytes, at, at + take);
    stream.headBytes += take;
    if (stream.headBytes < wanted) return;
    stream.isBegun = true;
    this.#listener.messageBegan(stream.type, stream.head);
  }

  #endChunk(stream: ChunkStream): void {
    this.#current = undefined;
    if (stream.receivedBytes < stream.lengthBytes) return;
    const { type, lengthBytes, head } = stream;
    stream.receivedBytes = 0;
    stream.headBytes = 0;
    stream.isBegun = false;
    if (type === SET_CHUNK_SIZE && lengthBytes >= 4) this.#setChunkSize(head.readUInt32BE(0));
    if (type === ABORT && lengthBytes >= 4) this.#abort(head.readUInt32BE(0));
    this.#listener.messageEnded(type, lengthBytes, head);
  }

  #setChunkSize(sizeBytes: number): void {
    if (sizeBytes === 0 || sizeBytes > 0x7fffffff) throw new ScanError('chunk size out of range');
    this.#chunkSize = sizeBytes;
  }

  #abort(chunkStreamId: number): void {
    const stream = this.#streams.get(chunkStreamId);
    if (stream === undefined) return;
    stream.receivedBytes = 0;
    stream.headBytes = 0;
    stream.isBegun = false;
  }
}
