import { ProtocolError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from './amf0-decode.ts';
import { AmfEcmaArray, AmfTypedObject, AmfXml, type AmfValue } from './amf-value.ts';

/** Reads hex digits as one AMF3 value behind AMF0's marker for it. */
function decode(hex: string): AmfValue {
  const values = decodeAmf0(Buffer.from(`11${hex.replaceAll(' ', '')}`, 'hex'));
  expect(values).toHaveLength(1);
  return values[0];
}

const fixtures: readonly [string, string, AmfValue][] = [
  ['undefined', '00', undefined],
  ['null', '01', null],
  ['false', '02', false],
  ['true', '03', true],
  ['an integer of one byte', '04 7f', 127],
  ['an integer of two bytes', '04 81 00', 128],
  ['an integer of three bytes', '04 ff ff 7f', 2_097_151],
  ['an integer of four bytes', '04 bf ff ff ff', 268_435_455],
  ['a negative integer', '04 ff ff ff ff', -1],
  ['a double', '05 3ff8000000000000', 1.5],
  ['a string', '06 07 616263', 'abc'],
  ['the empty string', '06 01', ''],
  ['an XML document', '07 09 3c612f3e', new AmfXml('<a/>')],
  ['an E4X document', '0b 09 3c612f3e', new AmfXml('<a/>')],
  ['a date', '08 01 4278bcfe56800000', new Date(1_700_000_000_000)],
  ['a dense array', '09 05 01 02 03', [false, true]],
  [
    'an array with keys',
    '09 03 03 61 02 01 03',
    new AmfEcmaArray([
      ['a', false],
      ['0', true],
    ]),
  ],
  ['an anonymous object', '0a 0b 01 03 61 04 05 01', new Map([['a', 5]])],
  ['an object of a class', '0a 13 03 43 03 6b 03', new AmfTypedObject('C', [['k', true]])],
  ['a byte array', '0c 05 beef', Buffer.from('beef', 'hex')],
  ['a vector of int', '0d 05 00 ffffffff 00000002', [-1, 2]],
  ['a vector of uint', '0e 03 00 ffffffff', [0xffffffff]],
  ['a vector of double', '0f 03 01 3ff8000000000000', [1.5]],
  ['a vector of objects', '10 05 00 01 01 03', [null, true]],
  ['a dictionary', '11 05 00 06 03 6b 03 0a 0b 01 01 02', new Map([['k', true]])],
];

describe('AMF3', () => {
  it.each(fixtures)('decodes %s', (_name, hex, value) => {
    expect(decode(hex)).toStrictEqual(value);
  });

  it.each(fixtures)('refuses %s when any of its last bytes is missing', (_name, hex) => {
    const wire = Buffer.from(`11${hex.replaceAll(' ', '')}`, 'hex');
    for (let end = 1; end < wire.length; end += 1) {
      expect(() => decodeAmf0(wire.subarray(0, end)), `cut at ${end}`).toThrow(ProtocolError);
    }
  });

  it('goes back to AMF0 after one value', () => {
    expect(decodeAmf0(Buffer.from('1104050101', 'hex'))).toEqual([5, true]);
  });

  it('resolves references to strings, objects and traits', () => {
    const value = decode('09 09 01 06 03 61 06 00 0a 13 03 43 00 02 0a 01 03') as readonly AmfValue[];
    expect(value).toStrictEqual([
      'a',
      'a',
      new AmfTypedObject('C', [['a', false]]),
      new AmfTypedObject('C', [['a', true]]),
    ]);
    const twice = decode('09 05 01 0a 0b 01 01 0a 02') as readonly AmfValue[];
    expect(twice[1]).toBe(twice[0]);
  });

  it.each([
    ['an unknown marker', '12'],
    ['a reference to an unknown string', '06 02'],
    ['a reference to an unknown object', '0a 00'],
    ['a reference to unknown traits', '0a 01'],
    ['an array that contains itself', '09 03 01 09 00'],
    ['an externalizable object', '0a 07 03 43'],
    ['an array counting 2^28-1', '09 ff ff ff ff 01'],
    ['traits counting 2^25-1 members', '0a ff ff ff fb 01'],
    ['a vector counting 2^28-1', '0d ff ff ff ff 00'],
    ['a vector of objects counting 2^28-1', '10 ff ff ff ff 00 01'],
    ['a dictionary counting 2^28-1', '11 ff ff ff ff 00'],
    ['a string beyond the message', '06 ff ff ff ff 61'],
    ['a byte array beyond the message', '0c ff ff ff ff 61'],
    ['nesting without end', '09 03 01 '.repeat(5000)],
    ['too many values', `09 ff ff 7f 01 ${'01 '.repeat(2_097_151 % 9000)}`],
  ])('refuses %s', (_name, hex) => {
    expect(() => decode(hex)).toThrow(ProtocolError);
  });

  it('throws nothing but ProtocolError on random bytes', () => {
    const likely = fc.array(fc.oneof(fc.integer({ min: 0, max: 0x12 }), fc.nat(255)), { maxLength: 200 });
    fc.assert(
      fc.property(likely, (list) => {
        try {
          decodeAmf0(Buffer.from([0x11, ...list]));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
