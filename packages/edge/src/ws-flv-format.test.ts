import { testFrames } from '@headwater/media/testing';
import { flvFormat, type Frame } from '@headwater/media';
import { describe, expect, it } from 'vitest';
import { wsFlvFormat } from './ws-flv-format.ts';

// The payload of one server frame, by RFC 6455 section 5.2, and what follows it.
function readFrame(bytes: Buffer): { payload: Buffer; rest: Buffer } {
  expect(bytes[0]).toBe(0x82);
  const short = bytes[1] ?? 0;
  expect(short & 0x80).toBe(0);
  const [length, start] =
    short < 126
      ? [short, 2]
      : short === 126
        ? [bytes.readUInt16BE(2), 4]
        : [Number(bytes.readBigUInt64BE(2)), 10];
  return { payload: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
}

function frameOf(payloadBytes: number): Frame {
  return {
    kind: 'audio',
    role: 'media',
    sequence: 0,
    timestampMs: 0,
    payload: Buffer.alloc(payloadBytes, 7),
  };
}

describe('a batch', () => {
  // An FLV tag is its payload and 15 bytes: these reach both sides of each form of the length.
  it.each([0, 110, 111, 65_520, 65_521, 70_000])(
    'is one unmasked binary frame with %i bytes of payload',
    (bytes) => {
      const { payload, rest } = readFrame(wsFlvFormat.encode([frameOf(bytes)]));
      expect(payload).toEqual(flvFormat.encode([frameOf(bytes)]));
      expect(rest).toHaveLength(0);
    },
  );

  it('of many frames is what HTTP viewers get', () => {
    const frames = testFrames({ seconds: 1 });
    expect(readFrame(wsFlvFormat.encode(frames)).payload).toEqual(flvFormat.encode(frames));
  });

  it('of nothing is nothing', () => {
    expect(wsFlvFormat.encode([])).toHaveLength(0);
  });
});

it('the preamble is a frame of its own', () => {
  const tracks = { hasAudio: true, hasVideo: true };
  expect(readFrame(wsFlvFormat.preamble(tracks)).payload).toEqual(flvFormat.preamble(tracks));
});
