// Reads an FLV byte stream (FLV 10.1, E.2–E.4) for its tag headers alone; tag bodies are counted and skipped.
import { HEAD_BYTES, headLimit, ScanError, type MediaListener } from './media-listener.ts';

const FILE_HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
const PREVIOUS_SIZE_BYTES = 4;

/** An incremental FLV scanner: feed it the body from its first byte, in pieces of any size. */
export class FlvScanner {
  readonly #listener: MediaListener;
  readonly #header: Buffer = Buffer.alloc(TAG_HEADER_BYTES + PREVIOUS_SIZE_BYTES);
  readonly #head: Buffer = Buffer.alloc(HEAD_BYTES);
  #headerBytes = 0;
  #headerNeeded = FILE_HEADER_BYTES;
  #isInBody = false;
  #isFileHeaderRead = false;
  #type = 0;
  #lengthBytes = 0;
  #receivedBytes = 0;
  #headWanted = 0;

  constructor(listener: MediaListener) {
    this.#listener = listener;
  }

  /** Scans `bytes[start, end)`; throws ScanError when they cannot be FLV. */
  scan(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      at += this.#isInBody ? this.#takeBody(bytes, at, end) : this.#takeHeader(bytes, at, end);
    }
  }

  #takeHeader(bytes: Buffer, at: number, end: number): number {
    const take = Math.min(this.#headerNeeded - this.#headerBytes, end - at);
    bytes.copy(this.#header, this.#headerBytes, at, at + take);
    this.#headerBytes += take;
    if (this.#headerBytes < this.#headerNeeded) return take;
    this.#headerBytes = 0;
    if (this.#isFileHeaderRead) this.#readTagHeader();
    else this.#readFileHeader();
    return take;
  }

  #readFileHeader(): void {
    if (this.#header.readUIntBE(0, 3) !== 0x464c56) throw new ScanError('not FLV');
    if (this.#header.readUInt32BE(5) !== FILE_HEADER_BYTES) throw new ScanError('unknown FLV header size');
    this.#isFileHeaderRead = true;
    this.#headerNeeded = PREVIOUS_SIZE_BYTES + TAG_HEADER_BYTES;
  }

  #readTagHeader(): void {
    const previousBytes = this.#header.readUInt32BE(0);
    const expected = this.#type === 0 ? 0 : TAG_HEADER_BYTES + this.#lengthBytes;
    if (previousBytes !== expected) throw new ScanError('wrong size of the previous tag');
    this.#type = this.#header.readUInt8(PREVIOUS_SIZE_BYTES) & 0x1f;
    if (this.#type === 0) throw new ScanError('tag of type 0');
    this.#lengthBytes = this.#header.readUIntBE(PREVIOUS_SIZE_BYTES + 1, 3);
    this.#receivedBytes = 0;
    this.#headWanted = Math.min(headLimit(this.#type), this.#lengthBytes);
    if (this.#lengthBytes === 0) this.#listener.messageEnded(this.#type, 0, this.#head);
    else this.#isInBody = true;
  }

  #takeBody(bytes: Buffer, at: number, end: number): number {
    const take = Math.min(this.#lengthBytes - this.#receivedBytes, end - at);
    const before = this.#receivedBytes;
    this.#receivedBytes += take;
    if (before < this.#headWanted) {
      bytes.copy(this.#head, before, at, at + Math.min(take, this.#headWanted - before));
      if (this.#receivedBytes >= this.#headWanted) this.#listener.messageBegan(this.#type, this.#head);
    }
    if (this.#receivedBytes === this.#lengthBytes) {
      this.#isInBody = false;
      this.#listener.messageEnded(this.#type, this.#lengthBytes, this.#head);
    }
    return take;
  }
}
