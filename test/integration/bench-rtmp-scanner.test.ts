import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtmpScanner } from '../bench/wire/rtmp-scanner.ts';
import { ScanError } from '../bench/wire/media-listener.ts';
import { encodeMessage } from '../bench/wire/chunk-writer.ts';

/** Remembers what a scanner said: type, length and the first bytes of each message. */
class Recorder {
  readonly ended: string[] = [];
  readonly began: string[] = [];
  messageBegan(type: number, head: Buffer): void {
    this.began.push(`${String(type)} ${head.toString('hex', 0, 2)}`);
  }
  messageEnded(type: number, lengthBytes: number, head: Buffer): void {
    this.ended.push(
      `${String(type)} ${String(lengthBytes)} ${head.toString('hex', 0, Math.min(2, lengthBytes))}`,
    );
  }
}

function scanPieces(pieces: readonly Buffer[]): Recorder {
  const recorder = new Recorder();
  const scanner = new RtmpScanner(recorder);
  for (const piece of pieces) {
    // A shared buffer with other bytes around, as the load generator reads.
    const padded = Buffer.concat([Buffer.from([0xee]), piece, Buffer.from([0xee])]);
    scanner.scan(padded, 1, 1 + piece.length);
  }
  return recorder;
}

function expectAtEverySplit(bytes: Buffer, ended: readonly string[]): void {
  expect(scanPieces([bytes]).ended).toEqual(ended);
  expect(scanPieces(Array.from(bytes, (byte) => Buffer.from([byte]))).ended).toEqual(ended);
  for (let at = 1; at < bytes.length; at += 1) {
    expect(scanPieces([bytes.subarray(0, at), bytes.subarray(at)]).ended).toEqual(ended);
  }
}

const payload = (lengthBytes: number): Buffer => Buffer.alloc(lengthBytes, 0xab);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('RtmpScanner', () => {
  it('reads messages of all four header formats, split anywhere', () => {
    const bytes = Buffer.concat([
      hex('06 000000 000003 09 01000000 1701ff'),
      hex('46 000028 000004 09 2701ffff'),
      hex('86 000028 27010203'),
      hex('c6 27010405'),
      hex('04 000000 000000 08 00000000'),
    ]);
    expectAtEverySplit(bytes, ['9 3 1701', '9 4 2701', '9 4 2701', '9 4 2701', '8 0 ']);
  });

  it('reads chunk stream ids of one, two and three bytes, in both forms of the overlap', () => {
    const bytes = Buffer.concat([
      hex('3f 000000 000001 08 00000000 af'),
      hex('00 00 000000 000002 08 00000000 af01'),
      hex('01 0001 000000 000003 08 00000000 af0203'),
      hex('00 01 000000 000004 08 00000000 af020304'),
      hex('c0 00 ae01'),
      hex('c1 0000 ad01'),
      hex('c1 0001 ac0203'),
      hex('c1 0100 ab020304'),
    ]);
    const opened = ['8 1 af', '8 2 af01', '8 3 af02', '8 4 af02'];
    expectAtEverySplit(bytes, [...opened, '8 2 ae01', '8 2 ad01', '8 3 ac02', '8 4 ab02']);
  });

  it('reads extended timestamps and their repetition in continuations', () => {
    const bytes = Buffer.concat([
      hex('06 ffffff 000082 09 01000000 01000000'),
      payload(128),
      hex('c6 01000000'),
      payload(2),
      hex('c6 01000000'),
      payload(128),
      hex('c6 01000000'),
      payload(2),
      hex('86 000001'),
      payload(128),
      hex('c6'),
      payload(2),
    ]);
    expectAtEverySplit(bytes, ['9 130 abab', '9 130 abab', '9 130 abab']);
  });

  it.each([128, 4096, 60_000, 65_535])('follows Set Chunk Size to %i bytes', (chunkSizeBytes) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(chunkSizeBytes);
    const control = { chunkStreamId: 2, messageStreamId: 0, timestampMs: 0 };
    const video = { chunkStreamId: 6, messageStreamId: 1, timestampMs: 40 };
    const bytes = Buffer.concat([
      encodeMessage({ ...control, type: 1, payload: size }, 128),
      ...[chunkSizeBytes - 1, chunkSizeBytes, chunkSizeBytes + 1, 3 * chunkSizeBytes].map((lengthBytes) =>
        encodeMessage({ ...video, type: 9, payload: payload(lengthBytes) }, chunkSizeBytes),
      ),
    ]);
    const lengths = [chunkSizeBytes - 1, chunkSizeBytes, chunkSizeBytes + 1, 3 * chunkSizeBytes];
    const ended = [`1 4 ${size.toString('hex', 0, 2)}`, ...lengths.map((one) => `9 ${String(one)} abab`)];
    expect(scanPieces([bytes]).ended).toEqual(ended);
  });

  it('keeps messages apart whose chunks interleave, also when the chunk size changes between them', () => {
    const bytes = Buffer.concat([
      hex('06 000000 000102 09 01000000'),
      payload(128),
      hex('04 000000 000002 08 01000000 af01'),
      hex('02 000000 000004 01 00000000 00001000'),
      hex('c6'),
      payload(130),
    ]);
    expectAtEverySplit(bytes, ['8 2 af01', '1 4 0000', '9 258 abab']);
  });

  it('forgets a message that is aborted', () => {
    const bytes = Buffer.concat([
      hex('06 000000 000102 09 01000000'),
      payload(128),
      hex('02 000000 000004 02 00000000 00000006'),
      hex('06 000000 000002 09 01000000 1701'),
    ]);
    expect(scanPieces([bytes]).ended).toEqual(['2 4 0000', '9 2 1701']);
  });

  it('tells of a message as soon as its head is there, and once', () => {
    const message = encodeMessage(
      { chunkStreamId: 6, messageStreamId: 1, timestampMs: 0, type: 9, payload: payload(1000) },
      128,
    );
    const part = scanPieces([message.subarray(0, 100)]);
    expect(part.began).toEqual(['9 abab']);
    expect(part.ended).toEqual([]);
    expect(scanPieces([message]).began).toEqual(['9 abab']);
  });

  it('refuses a chunk size of zero, a continuation of nothing, and a message begun inside another', () => {
    expect(() => scanPieces([hex('02 000000 000004 01 00000000 00000000')])).toThrow(ScanError);
    expect(() => scanPieces([hex('c6')])).toThrow(ScanError);
    const inside = Buffer.concat([hex('06 000000 000102 09 01000000'), payload(128)]);
    expect(() => scanPieces([inside, inside])).toThrow(ScanError);
  });

  it('survives any bytes, and says the same of them however they are split', () => {
    const outcome = (pieces: readonly Buffer[]): string[] => {
      const recorder = new Recorder();
      const scanner = new RtmpScanner(recorder);
      try {
        for (const piece of pieces) scanner.scan(piece, 0, piece.length);
      } catch (error) {
        if (!(error instanceof ScanError)) throw error;
        recorder.ended.push(error.message);
      }
      return recorder.ended;
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(400), (array, at) => {
        const bytes = Buffer.from(array);
        expect(outcome([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(outcome([bytes]));
      }),
    );
  });
});
