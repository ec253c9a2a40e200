// An incremental FLV demultiplexer: any split of the bytes gives the same tags. It is a machine of three states; each
// collects a known number of bytes and then decides on the next:
//   header (9 bytes, and more where DataOffset says so) → tag header (PreviousTagSize and 11 bytes) ⇄ body
import { ProtocolError } from '@headwater/contracts';
import { type FlvTag, flvHeaderBytes, flvTagHeaderBytes } from './flv-format.ts';
import type { FrameKind } from './frame.ts';
import type { TrackPresence } from './stream-format.ts';

/** Bounds of a reader. */
export interface FlvReaderOptions {
  /** The largest tag body accepted; 10 MiB unless told. */
  readonly maxTagBytes?: number;
}

const maxHeaderBytes = 1024;
const tagPrefixBytes = 4 + flvTagHeaderBytes;
// A body's buffer starts no larger than this and grows with what has come, not with what was announced.
const firstBodyBytes = 64 * 1024;
const kinds: Readonly<Record<number, FrameKind>> = { 8: 'audio', 9: 'video', 18: 'data' };

/** Reads one FLV byte stream. After an error every further read throws that error again. */
export class FlvReader {
  readonly #maxTagBytes: number;
  #state: 'header' | 'tag' | 'body' = 'header';
  /** What the state collects, the bytes it has, and those it needs. */
  #collected: Buffer = Buffer.allocUnsafe(tagPrefixBytes);
  #have = 0;
  #need: number = flvHeaderBytes;
  /** Bytes of the whole stream before the ones being collected. */
  #offset = 0;
  #kind: FrameKind = 'data';
  #timestampMs = 0;
  /** Of the audio or video tag before. */
  #trackMs: number | undefined;
  #flags: TrackPresence | undefined;
  #failure: ProtocolError | undefined;

  constructor(options: FlvReaderOptions = {}) {
    this.#maxTagBytes = options.maxTagBytes ?? 10 * 1024 * 1024;
  }

  /** The file header's flags, once it was read. Files often get them wrong. */
  get flags(): TrackPresence | undefined {
    return this.#flags;
  }

  /** True where the stream may end: not within a header or a tag. */
  get isBetweenTags(): boolean {
    return this.#state === 'tag' && (this.#have === 0 || this.#have === 4);
  }

  /**
   * Hands out every tag that these bytes complete; its payload is a copy that belongs to the receiver, in memory of its own; its time is
   * unwrapped. Throws `ProtocolError` with the offset in the whole stream.
   */
  read(bytes: Buffer, onTag: (tag: FlvTag) => void): void {
    if (this.#failure !== undefined) throw this.#failure;
    let at = 0;
    while (at < bytes.length) {
      at += this.#collect(bytes, at);
      // A tag without body is complete with its header, also at the end of the bytes.
      while (this.#have === this.#need) this.#advance(onTag);
    }
  }

  #collect(bytes: Buffer, at: number): number {
    const count = Math.min(bytes.length - at, this.#need - this.#have);
    const end = this.#have + count;
    if (end > this.#collected.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#need, Math.max(end, this.#collected.length * 2)));
      this.#collected.copy(grown, 0, 0, this.#have);
      this.#collected = grown;
    }
    bytes.copy(this.#collected, this.#have, at, at + count);
    this.#have = end;
    return count;
  }

  #advance(onTag: (tag: FlvTag) => void): void {
    const collected = this.#collected;
    if (this.#state === 'header') {
      this.#readHeader(collected);
      return;
    }
    if (this.#state === 'tag') {
      this.#readTagHeader(collected);
      return;
    }
    const payload = collected.subarray(0, this.#need);
    this.#expect('tag', tagPrefixBytes, Buffer.allocUnsafe(tagPrefixBytes));
    onTag({ kind: this.#kind, timestampMs: Math.max(0, this.#timestampMs), payload });
  }

  #readHeader(header: Buffer): void {
    if (this.#flags === undefined) {
      if (header.readUIntBE(0, 3) !== 0x464c56) this.#fail('not an FLV header', 0);
      const flags = header.readUInt8(4);
      this.#flags = { hasAudio: (flags & 4) !== 0, hasVideo: (flags & 1) !== 0 };
    }
    const dataOffset = header.readUInt32BE(5);
    if (dataOffset < flvHeaderBytes || dataOffset > maxHeaderBytes) {
      this.#fail('FLV data offset out of bounds', 5);
    }
    if (dataOffset > this.#need) this.#need = dataOffset;
    else this.#expect('tag', tagPrefixBytes, Buffer.allocUnsafe(tagPrefixBytes));
  }

  #readTagHeader(prefix: Buffer): void {
    const type = prefix.readUInt8(4);
    const kind = kinds[type];
    if (kind === undefined) this.#fail('unknown FLV tag type', 4, type);
    const size = prefix.readUIntBE(5, 3);
    if (size > this.#maxTagBytes) this.#fail('FLV tag too large', 5, size);
    this.#kind = kind;
    this.#timestampMs = unwrap(this.#trackMs, prefix.readUIntBE(8, 3) + prefix.readUInt8(11) * 0x1000000);
    // Data does not move the reference: metadata is often stamped with 0.
    if (kind !== 'data') this.#trackMs = this.#timestampMs;
    // Not from Node's pool, which a body that is kept would keep alive with it.
    this.#expect('body', size, Buffer.allocUnsafeSlow(Math.min(size, firstBodyBytes)));
  }

  #expect(state: 'tag' | 'body', need: number, into: Buffer): void {
    this.#offset += this.#have;
    this.#state = state;
    this.#have = 0;
    this.#need = need;
    this.#collected = into;
  }

  #fail(what: string, at: number, value?: number): never {
    this.#failure = new ProtocolError(what, this.#offset + at, value === undefined ? {} : { value });
    throw this.#failure;
  }
}

// Serial arithmetic (RFC 1982): the nearest time to the one before that has these 32 bits.
function unwrap(previousMs: number | undefined, time: number): number {
  return previousMs === undefined ? time : previousMs + ((time - previousMs) | 0);
}
