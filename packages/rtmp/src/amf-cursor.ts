// Reading position of an AMF decoder, with the limits that keep a hostile message cheap: no length is believed beyond
// the bytes that are there, nesting is counted, and so is every value.
import { ProtocolError } from '@headwater/contracts';

/** Bounds of one decoded message. */
export interface AmfLimits {
  readonly maxDepth: number;
  /** Values of the whole message, nested ones included. */
  readonly maxValues: number;
}

/** Enough for every client seen; far below what would take noticeable time. */
export const defaultAmfLimits: AmfLimits = { maxDepth: 32, maxValues: 4096 };

/** Walks over the bytes of one message. Every method throws `ProtocolError` with its offset instead of reading past the end. */
export class AmfCursor {
  readonly bytes: Buffer;
  readonly #limits: AmfLimits;
  #offset: number;
  #depth = 0;
  #values = 0;

  constructor(bytes: Buffer, offset = 0, limits: AmfLimits = defaultAmfLimits) {
    this.bytes = bytes;
    this.#offset = offset;
    this.#limits = limits;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  u8(): number {
    return this.bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#advance(4));
  }

  i32(): number {
    return this.bytes.readInt32BE(this.#advance(4));
  }

  f64(): number {
    return this.bytes.readDoubleBE(this.#advance(8));
  }

  /** The next byte without taking it, or undefined at the end. */
  peek(): number | undefined {
    return this.bytes[this.#offset];
  }

  /** Text of `length` bytes; bytes that are not UTF-8 become U+FFFD. */
  utf8(length: number): string {
    const start = this.#advance(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  /** A view of the next `length` bytes. */
  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Counts `count` values against the message's limit, and refuses more than there are bytes left for. */
  count(count: number, bytesEach = 1): void {
    this.#values += count;
    if (this.#values > this.#limits.maxValues) throw this.fault('too many AMF values');
    if (count * bytesEach > this.remaining) throw this.fault('AMF count exceeds the message');
  }

  /** Runs `read` one level deeper. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > this.#limits.maxDepth) throw this.fault('AMF nesting is too deep');
    const result = read();
    this.#depth -= 1;
    return result;
  }

  /** An error at the current position. */
  fault(what: string): ProtocolError {
    return new ProtocolError(what, this.#offset);
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length > this.bytes.length - start) throw this.fault('AMF value ends beyond the message');
    this.#offset = start + length;
    return start;
  }
}
