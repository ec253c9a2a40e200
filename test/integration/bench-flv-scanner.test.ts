import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlvScanner } from '../bench/wire/flv-scanner.ts';
import { HttpBodyScanner } from '../bench/wire/http-body-scanner.ts';
import { ScanError } from '../bench/wire/media-listener.ts';

class Recorder {
  readonly ended: string[] = [];
  messageBegan(): void {
    this.ended.push('began');
  }
  messageEnded(type: number, lengthBytes: number, head: Buffer): void {
    this.ended.push(
      `${String(type)} ${String(lengthBytes)} ${head.toString('hex', 0, Math.min(2, lengthBytes))}`,
    );
  }
}

function flvTag(type: number, payload: Buffer): Buffer {
  const tag = Buffer.alloc(11 + payload.length + 4);
  tag.writeUInt8(type, 0);
  tag.writeUIntBE(payload.length, 1, 3);
  payload.copy(tag, 11);
  tag.writeUInt32BE(11 + payload.length, 11 + payload.length);
  return tag;
}

const flv = Buffer.concat([
  Buffer.from('464c5601050000000900000000', 'hex'),
  flvTag(18, Buffer.alloc(200, 2)),
  flvTag(9, Buffer.from('1700000000', 'hex')),
  flvTag(8, Buffer.alloc(0)),
  flvTag(9, Buffer.alloc(300, 0x17)),
]);
const messages = ['began', '18 200 0202', 'began', '9 5 1700', '8 0 ', 'began', '9 300 1717'];

function scanFlv(pieces: readonly Buffer[]): string[] {
  const recorder = new Recorder();
  const scanner = new FlvScanner(recorder);
  for (const piece of pieces) scanner.scan(piece, 0, piece.length);
  return recorder.ended;
}

interface Response {
  readonly body: string;
  readonly status: number;
  readonly framingBytes: number;
}

function scanResponse(pieces: readonly Buffer[]): Response {
  let body = '';
  const scanner = new HttpBodyScanner((bytes, start, end) => {
    body += bytes.toString('latin1', start, end);
  });
  for (const piece of pieces) scanner.scan(piece, 0, piece.length);
  return { body, status: scanner.status, framingBytes: scanner.framingBytes };
}

function splits(bytes: Buffer): Buffer[][] {
  const single = Array.from(bytes, (byte) => Buffer.from([byte]));
  return [single, ...single.map((_, at) => [bytes.subarray(0, at), bytes.subarray(at)])];
}

describe('FlvScanner', () => {
  it('reads tags of any length, split anywhere', () => {
    for (const pieces of splits(flv)) expect(scanFlv(pieces)).toEqual(messages);
  });

  it('refuses what is not FLV and a previous tag size that does not fit', () => {
    expect(() => scanFlv([Buffer.from('HTTP/1.1 404 Not Found')])).toThrow(ScanError);
    const broken = Buffer.concat([flv, Buffer.alloc(11)]);
    broken.writeUInt8(1, flv.length - 1);
    expect(() => scanFlv([broken])).toThrow(ScanError);
  });

  it('survives any bytes after a good header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
        try {
          scanFlv([flv.subarray(0, 13), Buffer.from(array)]);
        } catch (error) {
          expect(error).toBeInstanceOf(ScanError);
        }
      }),
    );
  });
});

describe('HttpBodyScanner', () => {
  it('passes on a plain body, split anywhere', () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n\r\n';
    const expected = { body: 'abc\r\n\r\ndef', status: 200, framingBytes: head.length };
    for (const pieces of splits(Buffer.from(`${head}abc\r\n\r\ndef`))) {
      expect(scanResponse(pieces)).toEqual(expected);
    }
  });

  it('takes the chunked coding off, split anywhere', () => {
    const text =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n';
    const expected = { body: 'abc0123456789', status: 200, framingBytes: text.length - 13 };
    for (const pieces of splits(Buffer.from(text))) expect(scanResponse(pieces)).toEqual(expected);
  });

  it('refuses another protocol, an endless head and a chunk size that is no number', () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    for (const text of ['SSH-2.0\r\n\r\n', 'HTTP/1.1 200 OK\r\n'.padEnd(20_000, 'x'), `${chunked}x\r\n`]) {
      expect(() => scanResponse([Buffer.from(text)])).toThrow(ScanError);
    }
  });
});
