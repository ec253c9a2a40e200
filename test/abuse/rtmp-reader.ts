// Reads what a server answers: just enough of RTMP 1.0 §5.3 to take its chunks apart. It trusts the server's framing
// and is not meant for hostile input.

/** A reassembled message. */
export interface ReceivedMessage {
  readonly csid: number;
  readonly type: number;
  readonly msid: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

interface ChunkStream {
  timestamp: number;
  delta: number;
  length: number;
  type: number;
  msid: number;
  isExtended: boolean;
  received: Buffer[];
  receivedBytes: number;
}

const headerBytes = [11, 7, 3, 0] as const;

/** Turns a server's bytes after the handshake into messages. Honours its Set Chunk Size. */
export class RtmpReader {
  #pending: Buffer = Buffer.alloc(0);
  #chunkSize = 128;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #onMessage: (message: ReceivedMessage) => void;

  constructor(onMessage: (message: ReceivedMessage) => void) {
    this.#onMessage = onMessage;
  }

  /** Takes the next bytes of the connection and calls back for each message that they complete. */
  push(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    let used = 0;
    for (;;) {
      const chunkBytes = this.#readChunk(this.#pending.subarray(used));
      if (chunkBytes === 0) break;
      used += chunkBytes;
    }
    this.#pending = this.#pending.subarray(used);
  }

  /** Reads one chunk; 0 when it is not there as a whole. */
  #readChunk(bytes: Buffer): number {
    const basic = readBasicHeader(bytes);
    if (basic === undefined) return 0;
    const { fmt, csid } = basic;
    let offset = basic.bytes + (headerBytes[fmt] ?? 0);
    if (bytes.length < offset) return 0;
    const before = this.#streams.get(csid) ?? emptyStream();
    const stream = applyHeader(before, fmt, bytes.subarray(basic.bytes));
    if (stream.isExtended) {
      if (bytes.length < offset + 4) return 0;
      if (fmt < 3) stream.delta = bytes.readUInt32BE(offset);
      offset += 4;
    }
    const body = Math.min(this.#chunkSize, stream.length - stream.receivedBytes);
    if (bytes.length < offset + body) return 0;
    if (stream.receivedBytes === 0) {
      stream.timestamp = fmt === 0 ? stream.delta : (stream.timestamp + stream.delta) % 2 ** 32;
    }
    stream.received = [...stream.received, bytes.subarray(offset, offset + body)];
    stream.receivedBytes += body;
    this.#streams.set(csid, stream);
    if (stream.receivedBytes >= stream.length) this.#complete(csid, stream);
    return offset + body;
  }

  #complete(csid: number, stream: ChunkStream): void {
    const payload = Buffer.concat(stream.received);
    stream.received = [];
    stream.receivedBytes = 0;
    if (stream.type === 1 && payload.length >= 4) this.#chunkSize = payload.readUInt32BE(0);
    const { type, msid, timestamp } = stream;
    this.#onMessage({ csid, type, msid, timestamp, payload });
  }
}

function readBasicHeader(bytes: Buffer): { fmt: number; csid: number; bytes: number } | undefined {
  const first = bytes[0];
  if (first === undefined) return undefined;
  const fmt = first >> 6;
  const low = first & 0x3f;
  if (low >= 2) return { fmt, csid: low, bytes: 1 };
  const second = bytes[1];
  const third = bytes[2];
  if (low === 0) return second === undefined ? undefined : { fmt, csid: 64 + second, bytes: 2 };
  return second === undefined || third === undefined
    ? undefined
    : { fmt, csid: 64 + second + third * 256, bytes: 3 };
}

function emptyStream(): ChunkStream {
  return {
    timestamp: 0,
    delta: 0,
    length: 0,
    type: 0,
    msid: 0,
    isExtended: false,
    received: [],
    receivedBytes: 0,
  };
}

function applyHeader(before: ChunkStream, fmt: number, header: Buffer): ChunkStream {
  const stream = { ...before };
  if (fmt < 3) {
    stream.delta = header.readUIntBE(0, 3);
    stream.isExtended = stream.delta === 0xffffff;
  }
  if (fmt < 2) {
    stream.length = header.readUIntBE(3, 3);
    stream.type = header.readUInt8(6);
  }
  if (fmt === 0) stream.msid = header.readUInt32LE(7);
  return stream;
}
