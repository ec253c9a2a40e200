import { ProtocolError } from '@headwater/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handshakeBytes } from './handshake.ts';
import { ServerHandshake } from './handshake-server.ts';
import { digestOpening, judgeDigestAnswer, splitByLengths, splitEverywhere } from './testing/index.ts';

const packetBytes = 1536;
const zeroes = (size: number): Buffer => Buffer.alloc(size);

function pattern(size: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff));
}

function simpleOpening(): Buffer {
  return Buffer.concat([Buffer.of(3, 0, 0, 1, 2, 0, 0, 0, 0), pattern(packetBytes - 8, 5)]);
}

interface Outcome {
  readonly output: Buffer;
  readonly rest: Buffer;
  readonly isDone: boolean;
  /** Bytes that had been read when the answer came. */
  readonly answeredAfter: number;
}

function shake(pieces: readonly Buffer[], handshake: ServerHandshake = new ServerHandshake()): Outcome {
  const output: Buffer[] = [];
  const rest: Buffer[] = [];
  let isDone = false;
  let readBytes = 0;
  let answeredAfter = -1;
  for (const piece of pieces) {
    const progress = handshake.read(piece);
    readBytes += piece.length;
    if (progress.output !== undefined) {
      output.push(progress.output);
      answeredAfter = readBytes;
    }
    if (progress.rest !== undefined) rest.push(progress.rest);
    isDone = progress.isDone;
  }
  return { output: Buffer.concat(output), rest: Buffer.concat(rest), isDone, answeredAfter };
}

describe('ServerHandshake', () => {
  it('answers the simple handshake with its time, zero, random, and an echo of C1', () => {
    const opening = simpleOpening();
    const handshake = new ServerHandshake({
      randomBytes: (size) => pattern(size, 9),
      nowMs: () => 0x01020304,
    });
    const { output } = shake([opening], handshake);
    expect(output).toHaveLength(handshakeBytes);
    expect(output[0]).toBe(3);
    expect(output.subarray(1, 9)).toEqual(Buffer.of(1, 2, 3, 4, 0, 0, 0, 0));
    expect(output.subarray(9, 1 + packetBytes)).toEqual(pattern(packetBytes - 8, 9));
    const s2 = output.subarray(1 + packetBytes);
    expect(s2.subarray(0, 4)).toEqual(opening.subarray(1, 5));
    expect(s2.subarray(4, 8)).toEqual(Buffer.of(1, 2, 3, 4));
    expect(s2.subarray(8)).toEqual(opening.subarray(9));
  });

  it('answers as soon as C1 is complete, and is done once C2 is, whatever it says', () => {
    const handshake = new ServerHandshake();
    expect(handshake.read(simpleOpening().subarray(0, packetBytes)).output).toBeUndefined();
    const answered = handshake.read(simpleOpening().subarray(packetBytes));
    expect(answered.output).toHaveLength(handshakeBytes);
    expect(answered.isDone).toBe(false);
    expect(handshake.read(pattern(packetBytes - 1, 77)).isDone).toBe(false);
    expect(handshake.read(Buffer.of(0))).toEqual({ isDone: true });
  });

  it('is the same at every split, with what follows C2 handed on', () => {
    const after = Buffer.from('connect');
    const bytes = Buffer.concat([simpleOpening(), pattern(packetBytes, 3), after]);
    const options = { randomBytes: (size: number): Buffer => pattern(size, 1) };
    const whole = shake([bytes], new ServerHandshake(options));
    for (const pieces of splitEverywhere(bytes)) {
      const { output, rest, isDone } = shake(pieces, new ServerHandshake(options));
      if (!output.equals(whole.output) || !rest.equals(after) || !isDone) {
        expect.fail(`${pieces[0]?.length ?? 0}`);
      }
    }
    expect(whole.rest).toEqual(after);
  });

  it('hands everything on once it is done', () => {
    const handshake = new ServerHandshake();
    handshake.read(Buffer.concat([simpleOpening(), zeroes(packetBytes)]));
    expect(handshake.read(Buffer.from('ab'))).toEqual({ rest: Buffer.from('ab'), isDone: true });
    expect(handshake.read(zeroes(0))).toEqual({ isDone: true });
  });

  it.each([0, 3, 6, 8, 31])('answers version %i with 3', (version) => {
    const opening = simpleOpening();
    opening[0] = version;
    expect(shake([opening]).output[0]).toBe(3);
  });

  it.each([0x16, 0x20, 0x47, 0x53, 0xff])('refuses what begins with %i at that byte', (first) => {
    expect(() => new ServerHandshake().read(Buffer.of(first))).toThrow(ProtocolError);
  });

  it.each([0, 1] as const)('proves itself to a client of digest schema %i at every split', (schema) => {
    const opening = digestOpening(schema, pattern(packetBytes, 11));
    const bytes = Buffer.concat([opening, zeroes(packetBytes)]);
    const { output, answeredAfter } = shake([opening.subarray(0, 900), opening.subarray(900)]);
    expect(answeredAfter).toBe(opening.length);
    expect(judgeDigestAnswer(opening, schema, output)).toEqual({ schema, isAnswerSigned: true });
    let at = 0;
    for (const pieces of splitEverywhere(bytes)) {
      at += 1;
      if (at % 97 !== 2) continue;
      expect(judgeDigestAnswer(opening, schema, shake(pieces).output)).toEqual({
        schema,
        isAnswerSigned: true,
      });
    }
  });

  it('finds the digest wherever the four bytes put it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0 as const, 1 as const),
        fc.uint8Array({ minLength: 1528, maxLength: 1528 }),
        (schema, random) => {
          const opening = digestOpening(schema, Buffer.from(random));
          const verdict = judgeDigestAnswer(opening, schema, shake([opening]).output);
          expect(verdict).toEqual({ schema, isAnswerSigned: true });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('falls back to the echo when the digest is not valid', () => {
    const opening = digestOpening(0, pattern(packetBytes, 4));
    const last = opening.length - 1;
    opening[last] = (opening[last] ?? 0) ^ 1;
    const { output } = shake([opening]);
    expect(output.subarray(1 + packetBytes + 8)).toEqual(opening.subarray(9));
    expect(output.readUInt32BE(5)).toBe(0);
  });

  it('takes any bytes in any pieces, throws only ProtocolError, and answers at most once', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 4000 }),
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 8 }),
        (bytes, lengths) => {
          try {
            const { output, rest, isDone } = shake(splitByLengths(Buffer.from(bytes), lengths));
            expect([0, handshakeBytes]).toContain(output.length);
            expect(rest).toHaveLength(isDone ? bytes.length - handshakeBytes : 0);
          } catch (error) {
            if (!(error instanceof ProtocolError)) throw error;
            // Text, or a TLS record.
            expect(bytes[0] === 22 || (bytes[0] ?? 0) >= 32).toBe(true);
          }
        },
      ),
    );
  });
});
