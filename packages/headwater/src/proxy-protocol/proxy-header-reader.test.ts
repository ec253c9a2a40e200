import { ProtocolError } from '@headwater/contracts';
import { bytesOneByOne, splitByLengths, splitEverywhere } from '@headwater/rtmp/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4Body, proxyBinary, proxyLine } from '../testing/proxy-headers.ts';
import { maxBodyBytes, ProxyHeaderReader, type ProxiedStart } from './proxy-header-reader.ts';

const media = Buffer.from('what follows');
const ipv6Body = Buffer.from(`20010db8${'00'.repeat(11)}2a20010db8${'00'.repeat(11)}01dc04078f`, 'hex');
const tlv = Buffer.from('0400030a0b0c', 'hex');

function readAll(pieces: readonly Buffer[]): ProxiedStart | undefined {
  const reader = new ProxyHeaderReader();
  for (const [index, piece] of pieces.entries()) {
    const start = reader.read(piece);
    if (start === undefined) continue;
    return { ...start, rest: Buffer.concat([start.rest, ...pieces.slice(index + 1)]) };
  }
  return undefined;
}

const valid: readonly [name: string, header: Buffer, version: 1 | 2, address: string | undefined][] = [
  ['TCP4', proxyLine('TCP4 198.51.100.7 192.0.2.250 56324 1935'), 1, '198.51.100.7'],
  [
    'TCP4 at its longest',
    proxyLine('TCP4 255.255.255.255 255.255.255.255 65535 65535'),
    1,
    '255.255.255.255',
  ],
  ['TCP6', proxyLine('TCP6 2001:DB8:0:0:0:0:0:2A 2001:db8::1 0 1935'), 1, '2001:db8::2a'],
  [
    'TCP6 at its longest',
    proxyLine(`TCP6 ${Array(8).fill('ffff').join(':')} ${Array(8).fill('ffff').join(':')} 65535 65535`),
    1,
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ],
  ['UNKNOWN', proxyLine('UNKNOWN'), 1, undefined],
  ['UNKNOWN with anything behind it', proxyLine('UNKNOWN :: x \xff'), 1, undefined],
  ['UNKNOWN at its longest', proxyLine(`UNKNOWN ${'f'.repeat(107 - 16)}`), 1, undefined],
  ['IPv4', proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7')), 2, '198.51.100.7'],
  ['IPv4 with extensions', proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7', tlv)), 2, '198.51.100.7'],
  ['IPv6', proxyBinary(0x21, 0x21, ipv6Body), 2, '2001:db8::2a'],
  ['LOCAL', proxyBinary(0x20, 0x00), 2, undefined],
  ['LOCAL with addresses', proxyBinary(0x20, 0x11, ipv4Body('198.51.100.7')), 2, undefined],
  ['LOCAL with a family that is none', proxyBinary(0x20, 0xff, tlv), 2, undefined],
  ['UNSPEC', proxyBinary(0x21, 0x00), 2, undefined],
  ['UNIX', proxyBinary(0x21, 0x31, Buffer.alloc(216)), 2, undefined],
  ['UDP', proxyBinary(0x21, 0x12, ipv4Body('198.51.100.7')), 2, undefined],
  [
    'the most that may follow',
    proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7', Buffer.alloc(maxBodyBytes - 12))),
    2,
    '198.51.100.7',
  ],
];

const invalid: readonly [name: string, header: Buffer, offset: number][] = [
  ['the first byte of RTMP', Buffer.from([3]), 0],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 0],
  ['another method that begins alike', Buffer.from('PROPFIND / HTTP/1.1\r\n'), 3],
  ['a line feed alone', Buffer.from('PROXY UNKNOWN\n'), 13],
  ['a carriage return alone', Buffer.from('PROXY UNKNOWN\r '), 14],
  ['a line that is too long', proxyLine(`UNKNOWN ${'f'.repeat(107 - 15)}`), 106],
  ['a family that is none', proxyLine('TCP5 198.51.100.7 192.0.2.250 1 2'), 6],
  ['a name that every object has', proxyLine('constructor'), 6],
  ['a zero in front', proxyLine('TCP4 198.051.100.7 192.0.2.250 1 2'), 11],
  ['IPv6 as TCP4', proxyLine('TCP4 ::1 ::1 1 2'), 11],
  ['IPv4 as TCP6', proxyLine('TCP6 198.51.100.7 192.0.2.250 1 2'), 11],
  ['a zone', proxyLine('TCP6 fe80::1%eth0 ::1 1 2'), 11],
  ['a destination that is none', proxyLine('TCP4 198.51.100.7 192.0.2 1 2'), 24],
  ['a port too large', proxyLine('TCP4 198.51.100.7 192.0.2.250 65536 2'), 36],
  ['a port with a zero in front', proxyLine('TCP4 198.51.100.7 192.0.2.250 01 2'), 36],
  ['no ports', proxyLine('TCP4 198.51.100.7 192.0.2.250'), 36],
  ['a port too many', proxyLine('TCP4 198.51.100.7 192.0.2.250 1 2 3'), 36],
  ['two blanks', proxyLine('TCP4  198.51.100.7 192.0.2.250 1 2'), 11],
  ['a signature that is another one', Buffer.from('\r\n\r\n\0\r\nQUIX'), 10],
  ['version 3', proxyBinary(0x31, 0x11, ipv4Body('198.51.100.7')), 12],
  ['a command that is none', proxyBinary(0x22, 0x11, ipv4Body('198.51.100.7')), 12],
  ['a binary family that is none', proxyBinary(0x21, 0x41, ipv4Body('198.51.100.7')), 13],
  ['a transport that is none', proxyBinary(0x21, 0x13, ipv4Body('198.51.100.7')), 13],
  ['less than an address', proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7').subarray(0, 11)), 14],
  ['more than may follow', proxyBinary(0x21, 0x11, Buffer.alloc(0), maxBodyBytes + 1), 14],
];

describe('ProxyHeaderReader', () => {
  it.each(valid)('reads %s however it is cut', (_, header, version, address) => {
    for (const pieces of splitEverywhere(Buffer.concat([header, media]))) {
      expect(readAll(pieces)).toEqual({ header: { version, address }, rest: media });
    }
  });

  it.each(valid)('waits for the end of %s', (_, header) => {
    expect(readAll([header.subarray(0, -1)])).toBeUndefined();
  });

  it.each(invalid)('refuses %s, and says where', (_, header, offset) => {
    for (const pieces of [[header], bytesOneByOne(header)]) {
      expect(() => readAll(pieces)).toThrow(ProtocolError);
      expect(() => readAll(pieces)).toThrow(expect.objectContaining({ offset }) as Error);
    }
  });

  it('refuses what is no header before it has come to its end', () => {
    const reader = new ProxyHeaderReader();
    expect(() => reader.read(Buffer.from('PROXX'))).toThrow(ProtocolError);
  });

  it('comes to an end on any bytes, within its limit, in the same way however they are cut', () => {
    const headers = fc.constantFrom(...valid, ...invalid).map(([, header]) => header);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      // A header with a few bytes changed.
      fc
        .tuple(headers, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }))
        .map(([header, changes]) => {
          const changed = Buffer.concat([header, Buffer.alloc(maxBodyBytes + 64)]);
          for (const [place, byte] of changes) changed[place] = byte;
          return changed;
        }),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (all, lengths) => {
        const outcome = outcomeOf([all]);
        expect(outcomeOf(splitByLengths(all, lengths))).toEqual(outcome);
        if (outcome === 'waits') expect(all.length).toBeLessThan(16 + maxBodyBytes);
      }),
    );
  });
});

function outcomeOf(pieces: readonly Buffer[]): unknown {
  try {
    return readAll(pieces) ?? 'waits';
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).offset;
  }
}
