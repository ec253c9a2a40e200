import type { ChunkHeader } from './chunk-header.ts';

/** Memory that a message gets with its first bytes, whatever length it announces, unless more than that is here. */
const firstReservationBytes = 16 * 1024;

/** Time that a format 3 chunk may inherit from a format 0 chunk. Further would be a leap that no encoder means. */
const maxInheritedDeltaMs = 5_000;

const nothing = Buffer.alloc(0);

/** One chunk stream: what its next header inherits, and its message while that is not complete. */
export class ChunkStream {
  readonly id: number;
  timestamp: number = 0;
  length: number = 0;
  typeId: number = 0;
  messageStreamId: number = 0;
  /** The extended time that format 3 chunks repeat; -1 when the last header had none. */
  repeatedTime: number = -1;
  /** True from the first header of a message until its last byte. */
  isUnfinished: boolean = false;
  receivedBytes: number = 0;
  #deltaMs = 0;
  /** The longest message that came here: so much memory the next one may have at once, as its sender has sent as much. */
  #longestBytes = 0;
  #payload: Buffer = nothing;

  constructor(id: number) {
    this.id = id;
  }

  /** Begins a message with a header of any format (§5.3.1.2). */
  begin(header: ChunkHeader): void {
    if (header.format === 0) {
      this.timestamp = header.time;
      // §5.3.1.2.4: a format 3 chunk that begins a message right after format 0 takes its time for the delta.
      this.#deltaMs = header.time <= maxInheritedDeltaMs ? header.time : 0;
      this.messageStreamId = header.messageStreamId;
    } else {
      if (header.format !== 3) this.#deltaMs = header.time;
      this.timestamp = (this.timestamp + this.#deltaMs) >>> 0;
    }
    if (header.format <= 1) {
      this.length = header.length;
      this.typeId = header.typeId;
    }
    if (header.format !== 3) this.repeatedTime = header.isExtended ? header.time : -1;
    this.isUnfinished = true;
  }

  /** Memory held for the unfinished message. */
  get reservedBytes(): number {
    return this.#payload.length;
  }

  /**
   * Makes room for `count` more bytes and returns how much memory that took. Begins with what earlier messages needed and
   * grows by doubling up to the message's length, so that a complete payload is exactly sized; `available` bytes at hand
   * may all belong to it.
   */
  reserve(count: number, available: number): number {
    const reserved = this.#payload.length;
    if (this.receivedBytes + count <= reserved) return 0;
    const wanted = Math.max(
      firstReservationBytes,
      this.#longestBytes,
      2 * reserved,
      this.receivedBytes + available,
    );
    const grown = Buffer.allocUnsafeSlow(Math.min(wanted, this.length));
    this.#payload.copy(grown, 0, 0, this.receivedBytes);
    this.#payload = grown;
    return grown.length - reserved;
  }

  /** Takes payload bytes that room was made for. */
  append(bytes: Buffer, start: number, end: number): void {
    bytes.copy(this.#payload, this.receivedBytes, start, end);
    this.receivedBytes += end - start;
  }

  /** Takes the whole payload of a message as it is, without a copy. */
  adopt(payload: Buffer): void {
    this.#payload = payload;
    this.receivedBytes = payload.length;
  }

  /** Ends the message, complete or not, and gives its payload away. */
  takePayload(): Buffer {
    const payload = this.#payload;
    if (this.receivedBytes === this.length) this.#longestBytes = Math.max(this.#longestBytes, this.length);
    this.#payload = nothing;
    this.receivedBytes = 0;
    this.isUnfinished = false;
    return payload;
  }
}
