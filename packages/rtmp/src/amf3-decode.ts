// AMF3 (Adobe, "Action Message Format -- AMF 3"), decoding only. Flash-era clients with objectEncoding 3 wrap values in
// it behind the AMF0 marker 0x11; replies go out as AMF0, which every client accepts.
import type { AmfCursor } from './amf-cursor.ts';
import { AmfEcmaArray, AmfTypedObject, AmfXml, type AmfValue } from './amf-value.ts';

interface Traits {
  readonly className: string;
  readonly isDynamic: boolean;
  readonly members: readonly string[];
}

/** Reads one AMF3 value at the cursor, with reference tables of its own. Throws `ProtocolError`. */
export function readAmf3Value(cursor: AmfCursor): AmfValue {
  return new Amf3Decoder(cursor).read();
}

class Amf3Decoder {
  readonly #cursor: AmfCursor;
  readonly #strings: string[] = [];
  readonly #traits: Traits[] = [];
  /** Targets of object references; undefined while the object is still being read. */
  readonly #objects: (AmfValue | undefined)[] = [];

  constructor(cursor: AmfCursor) {
    this.#cursor = cursor;
  }

  read(): AmfValue {
    const cursor = this.#cursor;
    cursor.count(1);
    const marker = cursor.u8();
    switch (marker) {
      case 0x00:
        return undefined;
      case 0x01:
        return null;
      case 0x02:
        return false;
      case 0x03:
        return true;
      case 0x04:
        // 29 bits, two's complement.
        return (this.#u29() << 3) >> 3;
      case 0x05:
        return cursor.f64();
      case 0x06:
        return this.#string();
      default:
        return this.#complex(marker);
    }
  }

  #complex(marker: number): AmfValue {
    const cursor = this.#cursor;
    switch (marker) {
      case 0x07:
      case 0x0b:
        return this.#object((length) => new AmfXml(cursor.utf8(length)));
      case 0x08:
        return this.#object(() => new Date(cursor.f64()));
      case 0x09:
        return this.#object((count) => this.#array(count));
      case 0x0a:
        return this.#object((header) => this.#instance(header));
      case 0x0c:
        return this.#object((length) => cursor.take(length));
      case 0x0d:
        return this.#object((count) => this.#vector(count, 4, () => cursor.i32()));
      case 0x0e:
        return this.#object((count) => this.#vector(count, 4, () => cursor.u32()));
      case 0x0f:
        return this.#object((count) => this.#vector(count, 8, () => cursor.f64()));
      case 0x10:
        return this.#object((count) => this.#objectVector(count));
      case 0x11:
        return this.#object((count) => this.#dictionary(count));
      default:
        throw cursor.fault(`AMF3 marker ${String(marker)} is unknown`);
    }
  }

  /** Variable length unsigned 29-bit integer: 7 bits a byte, the fourth byte gives 8. */
  #u29(): number {
    let value = 0;
    for (let index = 0; index < 3; index += 1) {
      const byte = this.#cursor.u8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.#cursor.u8();
  }

  #string(): string {
    const header = this.#u29();
    if ((header & 1) === 0) return this.#lookUp(this.#strings, header >> 1);
    const text = this.#cursor.utf8(header >> 1);
    if (text !== '') this.#strings.push(text);
    return text;
  }

  /** Reads the reference bit; `read` gets the header's other bits. */
  #object(read: (header: number) => AmfValue): AmfValue {
    const header = this.#u29();
    if ((header & 1) === 0) return this.#lookUp(this.#objects, header >> 1);
    const index = this.#objects.push(undefined) - 1;
    const value = this.#cursor.nested(() => read(header >> 1));
    this.#objects[index] = value;
    return value;
  }

  #array(count: number): AmfValue {
    if (count > this.#cursor.remaining) throw this.#cursor.fault('AMF count exceeds the message');
    const named = new AmfEcmaArray();
    for (let key = this.#string(); key !== ''; key = this.#string()) named.set(key, this.read());
    if (named.size === 0) return Array.from({ length: count }, () => this.read());
    for (let index = 0; index < count; index += 1) named.set(String(index), this.read());
    return named;
  }

  #instance(header: number): AmfValue {
    const traits = this.#readTraits(header);
    const object =
      traits.className === '' ? new Map<string, AmfValue>() : new AmfTypedObject(traits.className);
    for (const member of traits.members) object.set(member, this.read());
    if (traits.isDynamic) {
      for (let key = this.#string(); key !== ''; key = this.#string()) object.set(key, this.read());
    }
    return object;
  }

  #readTraits(header: number): Traits {
    if ((header & 1) === 0) return this.#lookUp(this.#traits, header >> 1);
    // An externalizable class writes bytes that only its own code can read.
    if ((header & 2) !== 0) throw this.#cursor.fault('AMF3 externalizable object');
    const className = this.#string();
    const count = header >> 3;
    this.#cursor.count(count);
    const traits = {
      className,
      isDynamic: (header & 4) !== 0,
      members: Array.from({ length: count }, () => this.#string()),
    };
    this.#traits.push(traits);
    return traits;
  }

  #vector(count: number, bytesEach: number, read: () => number): AmfValue {
    // One flag byte: whether the vector may grow.
    this.#cursor.u8();
    this.#cursor.count(count, bytesEach);
    return Array.from({ length: count }, read);
  }

  #objectVector(count: number): AmfValue {
    this.#cursor.u8();
    this.#string();
    if (count > this.#cursor.remaining) throw this.#cursor.fault('AMF count exceeds the message');
    return Array.from({ length: count }, () => this.read());
  }

  /** Keys that are not plain values are read and left out: nothing could ask for them. */
  #dictionary(count: number): AmfValue {
    this.#cursor.u8();
    if (count * 2 > this.#cursor.remaining) throw this.#cursor.fault('AMF count exceeds the message');
    const entries = new Map<string, AmfValue>();
    for (let index = 0; index < count; index += 1) {
      const key = this.read();
      const value = this.read();
      if (typeof key !== 'object') entries.set(String(key), value);
    }
    return entries;
  }

  #lookUp<T>(table: readonly (T | undefined)[], index: number): T {
    const target = table[index];
    if (target === undefined) throw this.#cursor.fault('AMF3 reference to an unknown or unfinished value');
    return target;
  }
}
