// Takes an HTTP-FLV body apart (FLV specification, annex E.3): the header, then tags each followed by its size.

const flvHeaderBytes = 13;
const tagHeaderBytes = 11;
const previousSizeBytes = 4;

/** One FLV tag as received. */
export interface FlvTag {
  readonly type: number;
  readonly timestampMs: number;
  readonly body: Buffer;
}

/** Reads tags from an FLV body that arrives in any pieces. */
export class FlvReader {
  #pending: Buffer = Buffer.alloc(0);
  #isHeaderRead = false;
  readonly #onTag: (tag: FlvTag) => void;

  constructor(onTag: (tag: FlvTag) => void) {
    this.#onTag = onTag;
  }

  push(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    if (!this.#isHeaderRead) {
      if (this.#pending.length < flvHeaderBytes) return;
      this.#pending = this.#pending.subarray(flvHeaderBytes);
      this.#isHeaderRead = true;
    }
    while (this.#readTag());
  }

  #readTag(): boolean {
    const bytes = this.#pending;
    if (bytes.length < tagHeaderBytes) return false;
    const bodyBytes = bytes.readUIntBE(1, 3);
    const total = tagHeaderBytes + bodyBytes + previousSizeBytes;
    if (bytes.length < total) return false;
    // The fourth timestamp byte is the high one.
    const timestampMs = bytes.readUIntBE(4, 3) + bytes.readUInt8(7) * 2 ** 24;
    const body = bytes.subarray(tagHeaderBytes, tagHeaderBytes + bodyBytes);
    this.#onTag({ type: bytes.readUInt8(0), timestampMs, body });
    this.#pending = bytes.subarray(total);
    return true;
  }
}
