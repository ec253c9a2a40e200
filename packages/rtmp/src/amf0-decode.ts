// AMF0 (Adobe, "Action Message Format -- AMF 0"): one marker byte, then the value. Counts of arrays are hints from the
// peer and never allocate anything.
import { AmfCursor, defaultAmfLimits, type AmfLimits } from './amf-cursor.ts';
import { AmfEcmaArray, AmfTypedObject, AmfXml, type AmfObject, type AmfValue } from './amf-value.ts';
import { readAmf3Value } from './amf3-decode.ts';

/** The marker bytes of AMF0. */
export const amf0Marker = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  reference: 7,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xml: 15,
  typedObject: 16,
  avmPlus: 17,
} as const;

/** Decodes all values of a message body from `offset` to its end. Throws `ProtocolError`. */
export function decodeAmf0(bytes: Buffer, offset = 0, limits: AmfLimits = defaultAmfLimits): AmfValue[] {
  const decoder = new Amf0Decoder(new AmfCursor(bytes, offset, limits));
  const values: AmfValue[] = [];
  while (decoder.hasMore) values.push(decoder.read());
  return values;
}

/** Reads a leading AMF0 string without looking at anything behind it; undefined when there is none. */
export function readAmf0String(bytes: Buffer, offset = 0): { value: string; end: number } | undefined {
  const marker = bytes[offset];
  const isLong = marker === amf0Marker.longString;
  if (!isLong && marker !== amf0Marker.string) return undefined;
  const start = offset + (isLong ? 5 : 3);
  if (start > bytes.length) return undefined;
  const end = start + (isLong ? bytes.readUInt32BE(offset + 1) : bytes.readUInt16BE(offset + 1));
  return end > bytes.length ? undefined : { value: bytes.toString('utf8', start, end), end };
}

class Amf0Decoder {
  readonly #cursor: AmfCursor;
  /** Targets of reference markers; undefined while the object is still being read. */
  readonly #references: (AmfValue | undefined)[] = [];

  constructor(cursor: AmfCursor) {
    this.#cursor = cursor;
  }

  get hasMore(): boolean {
    return this.#cursor.remaining > 0;
  }

  read(): AmfValue {
    const cursor = this.#cursor;
    cursor.count(1);
    const marker = cursor.u8();
    switch (marker) {
      case amf0Marker.number:
        return cursor.f64();
      case amf0Marker.boolean:
        return cursor.u8() !== 0;
      case amf0Marker.string:
        return cursor.utf8(cursor.u16());
      case amf0Marker.null:
        return null;
      case amf0Marker.undefined:
      case amf0Marker.unsupported:
        return undefined;
      case amf0Marker.date:
        return this.#date();
      case amf0Marker.longString:
        return cursor.utf8(cursor.u32());
      case amf0Marker.xml:
        return new AmfXml(cursor.utf8(cursor.u32()));
      case amf0Marker.avmPlus:
        return cursor.nested(() => readAmf3Value(cursor));
      default:
        return this.#complex(marker);
    }
  }

  #complex(marker: number): AmfValue {
    const cursor = this.#cursor;
    switch (marker) {
      case amf0Marker.object:
        return this.#remember(() => this.#properties(new Map()));
      case amf0Marker.ecmaArray:
        // The count is a hint; FFmpeg is known to write wrong ones.
        cursor.u32();
        return this.#remember(() => this.#properties(new AmfEcmaArray()));
      case amf0Marker.typedObject: {
        const className = cursor.utf8(cursor.u16());
        return this.#remember(() => this.#properties(new AmfTypedObject(className)));
      }
      case amf0Marker.strictArray:
        return this.#remember(() => this.#strictArray());
      case amf0Marker.reference:
        return this.#reference();
      default:
        // Movie clips and record sets are reserved and never sent; an object end has no object here.
        throw cursor.fault(`AMF0 marker ${String(marker)} is not a value`);
    }
  }

  #date(): Date {
    const date = new Date(this.#cursor.f64());
    // The time zone is reserved and "should not be filled in" (AMF0 2.13).
    this.#cursor.u16();
    return date;
  }

  #properties(into: Map<string, AmfValue>): AmfObject {
    const cursor = this.#cursor;
    for (;;) {
      const key = cursor.utf8(cursor.u16());
      if (key === '' && cursor.peek() === amf0Marker.objectEnd) {
        cursor.u8();
        return into;
      }
      into.set(key, this.read());
    }
  }

  #strictArray(): AmfValue[] {
    const count = this.#cursor.u32();
    // The elements count themselves; this only refuses a count that the bytes cannot hold.
    if (count > this.#cursor.remaining) throw this.#cursor.fault('AMF count exceeds the message');
    const values: AmfValue[] = [];
    for (let index = 0; index < count; index += 1) values.push(this.read());
    return values;
  }

  #remember(read: () => AmfValue): AmfValue {
    const index = this.#references.push(undefined) - 1;
    const value = this.#cursor.nested(read);
    this.#references[index] = value;
    return value;
  }

  #reference(): AmfValue {
    const target = this.#references[this.#cursor.u16()];
    if (target === undefined) throw this.#cursor.fault('AMF0 reference to an unknown or unfinished object');
    return target;
  }
}
