import { ProtocolError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAmf0, readAmf0String } from './amf0-decode.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { AmfEcmaArray, amfObject, AmfTypedObject, AmfXml, isAmfObject, type AmfValue } from './amf-value.ts';

function bytes(...parts: readonly (number | string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string))),
  );
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

const date = new Date(1_700_000_000_123);

const fixtures: readonly { name: string; wire: Buffer; value: AmfValue }[] = [
  { name: 'a number', wire: bytes(0, Buffer.from('4029000000000000', 'hex')), value: 12.5 },
  { name: 'true', wire: bytes(1, 1), value: true },
  { name: 'a string, its length in bytes', wire: bytes(2, 0, 4, 'aü!'), value: 'aü!' },
  {
    name: 'an object',
    wire: bytes(3, 0, 1, 'a', 1, 0, 0, 3, 'b\0c', 5, 0, 0, 9),
    value: amfObject({ a: false, 'b\0c': null }),
  },
  { name: 'null', wire: bytes(5), value: null },
  { name: 'undefined', wire: bytes(6), value: undefined },
  {
    name: 'an ECMA array',
    wire: bytes(8, u32(1), 0, 1, 'x', 2, 0, 0, 0, 0, 9),
    value: new AmfEcmaArray([['x', '']]),
  },
  { name: 'a strict array', wire: bytes(10, u32(2), 5, 10, u32(0)), value: [null, []] },
  { name: 'a date', wire: Buffer.concat([bytes(11), number(date.getTime()), bytes(0, 0)]), value: date },
  {
    name: 'a long string',
    wire: bytes(12, u32(70_000), 'y'.repeat(70_000)),
    value: 'y'.repeat(70_000),
  },
  { name: 'an XML document', wire: bytes(15, u32(4), '<a/>'), value: new AmfXml('<a/>') },
  {
    name: 'a typed object',
    wire: bytes(16, 0, 1, 'C', 0, 1, 'k', 1, 1, 0, 0, 9),
    value: new AmfTypedObject('C', [['k', true]]),
  },
];

function number(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return buffer;
}

describe('AMF0', () => {
  it.each(fixtures)('decodes $name', ({ wire, value }) => {
    expect(decodeAmf0(wire)).toStrictEqual([value]);
  });

  it.each(fixtures)('encodes $name', ({ wire, value }) => {
    expect(encodeAmf0(value).equals(wire)).toBe(true);
  });

  it.each(fixtures)('refuses $name when any of its last bytes is missing', ({ wire }) => {
    const ends = wire.length < 100 ? wire.keys() : [1, 4, 5, 6, wire.length - 1];
    for (const end of ends) {
      if (end === 0) continue;
      expect(() => decodeAmf0(wire.subarray(0, end)), `cut at ${end}`).toThrow(ProtocolError);
    }
  });

  it('decodes several values one after the other', () => {
    expect(decodeAmf0(encodeAmf0('a', 1, null))).toEqual(['a', 1, null]);
  });

  it('reads an ECMA array whatever its count says', () => {
    for (const count of [0, 1, 7, 0xffffffff]) {
      const wire = bytes(8, u32(count), 0, 1, 'x', 5, 0, 1, 'y', 5, 0, 0, 9);
      expect(decodeAmf0(wire)).toStrictEqual([
        new AmfEcmaArray([
          ['x', null],
          ['y', null],
        ]),
      ]);
    }
  });

  it('resolves a reference to an object that was read before', () => {
    const wire = bytes(10, u32(2), 3, 0, 1, 'a', 5, 0, 0, 9, 7, 0, 1);
    const [array] = decodeAmf0(wire) as [readonly AmfValue[]];
    expect(array[1]).toBe(array[0]);
  });

  it('keeps __proto__ and constructor as plain keys', () => {
    const wire = bytes(3, 0, 9, '__proto__', 3, 0, 1, 'x', 1, 1, 0, 0, 9, 0, 11, 'constructor', 5, 0, 0, 9);
    const [object] = decodeAmf0(wire);
    expect(isAmfObject(object) && [...object.keys()]).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('takes an empty key as a key, and the last of duplicate keys', () => {
    const wire = bytes(3, 0, 0, 1, 1, 0, 1, 'a', 1, 0, 0, 1, 'a', 1, 1, 0, 0, 9);
    expect(decodeAmf0(wire)).toStrictEqual([
      new Map([
        ['', true],
        ['a', true],
      ]),
    ]);
  });

  it('reads invalid UTF-8 as replacement characters', () => {
    expect(decodeAmf0(bytes(2, 0, 2, Buffer.from([0xff, 0x41])))).toEqual(['\uFFFDA']);
  });

  it.each([
    ['a movie clip', bytes(4)],
    ['a record set', bytes(14)],
    ['an object end without an object', bytes(9)],
    ['an unknown marker', bytes(0x42)],
    ['a reference to nothing', bytes(7, 0, 0)],
    ['a reference of an object to itself', bytes(3, 0, 1, 'a', 7, 0, 0, 0, 0, 9)],
    ['an object without its end', bytes(3, 0, 1, 'a', 5)],
    ['a string beyond the message', bytes(2, 0xff, 0xff, 'abc')],
    ['a long string beyond the message', bytes(12, u32(0xffffffff), 'abc')],
    ['an XML document beyond the message', bytes(15, u32(0x7fffffff), 'abc')],
    ['a strict array counting 2^32-1', bytes(10, u32(0xffffffff), 5, 5)],
  ])('refuses %s', (_name, wire) => {
    expect(() => decodeAmf0(wire)).toThrow(ProtocolError);
  });

  it('names the offset of the fault', () => {
    expect(() => decodeAmf0(bytes(5, 5, 0x42))).toThrow(expect.objectContaining({ offset: 3 }));
  });

  it('reads 32 levels and refuses the 33rd, however deep the message goes on', () => {
    const nested = (depth: number): Buffer =>
      Buffer.concat([...Array.from({ length: depth }, () => bytes(10, u32(1))), bytes(5)]);
    expect(decodeAmf0(nested(32))).toHaveLength(1);
    expect(() => decodeAmf0(nested(33))).toThrow(/too deep/);
    expect(() => decodeAmf0(nested(100_000))).toThrow(/too deep/);
  });

  it('refuses more than 4096 values, wherever they are', () => {
    const properties = (count: number): Buffer =>
      Buffer.concat([
        bytes(3),
        ...Array.from({ length: count }, (_, i) => bytes(0, 1, i & 0x7f, 5)),
        bytes(0, 0, 9),
      ]);
    expect(decodeAmf0(properties(4095))).toHaveLength(1);
    expect(() => decodeAmf0(properties(4096))).toThrow(/too many/);
    expect(() => decodeAmf0(properties(60_000))).toThrow(/too many/);
    expect(() => decodeAmf0(Buffer.alloc(5000, 5))).toThrow(/too many/);
  });

  it('refuses to encode a value that is nested too deeply, or contains itself', () => {
    const loop: AmfValue[] = [];
    loop.push(loop);
    expect(() => encodeAmf0(loop)).toThrow(RangeError);
  });

  it('gives back any value it encoded', () => {
    fc.assert(
      fc.property(fc.array(amfValue()), (values) => {
        expect(decodeAmf0(encodeAmf0(...values))).toStrictEqual(values);
      }),
      { numRuns: 200 },
    );
  });

  it('throws nothing but ProtocolError on random bytes', () => {
    const markers = fc
      .array(fc.integer({ min: 0, max: 18 }), { maxLength: 300 })
      .map((list) => Buffer.from(list));
    const noise = fc.uint8Array({ maxLength: 300 }).map((list) => Buffer.from(list));
    fc.assert(fc.property(fc.oneof(markers, noise), decodesOrRefuses), { numRuns: 2000 });
  });

  it('throws nothing but ProtocolError on an encoded value with one byte changed', () => {
    fc.assert(
      fc.property(amfValue(), fc.nat(), fc.nat(255), (value, at, byte) => {
        const wire = encodeAmf0(value);
        wire[at % wire.length] = byte;
        decodesOrRefuses(wire);
      }),
      { numRuns: 500 },
    );
  });
});

describe('readAmf0String', () => {
  it('reads a leading string and says where it ends', () => {
    expect(readAmf0String(encodeAmf0('onMetaData', 1))).toEqual({ value: 'onMetaData', end: 13 });
    expect(readAmf0String(bytes(12, u32(2), 'ab'))).toEqual({ value: 'ab', end: 7 });
  });

  it('returns nothing when there is no whole string', () => {
    for (const wire of [bytes(), bytes(2), bytes(2, 0), bytes(2, 0, 3, 'ab'), bytes(12, 0, 0), bytes(5)]) {
      expect(readAmf0String(wire)).toBeUndefined();
    }
  });
});

function decodesOrRefuses(wire: Buffer): void {
  try {
    decodeAmf0(wire);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
  }
}

function amfValue(): fc.Arbitrary<AmfValue> {
  return fc.letrec<{ value: AmfValue }>((tie) => {
    const entries = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), tie('value')), { maxLength: 5 });
    return {
      value: fc.oneof(
        { depthSize: 'small', maxDepth: 6 },
        fc.double(),
        fc.boolean(),
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom(null, undefined),
        fc.date({ noInvalidDate: true }),
        fc.string().map((text) => new AmfXml(text)),
        fc.array(tie('value'), { maxLength: 5 }),
        entries.map((list) => new Map(list)),
        entries.map((list) => new AmfEcmaArray(list)),
        entries.map((list) => new AmfTypedObject('a.B', list)),
      ),
    };
  }).value;
}
