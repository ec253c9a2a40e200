import { describe, expect, it } from 'vitest';
import { flvFormat, flvTagBytes, maxFlvPayloadBytes, writeFlvTagInto } from './flv-format.ts';
import { FlvReader } from './flv-reader.ts';
import { testFrame, testFrames } from './testing/index.ts';

describe('flvFormat', () => {
  it.each([
    [true, true, 5],
    [true, false, 4],
    [false, true, 1],
    [false, false, 0],
  ])(
    'writes a file header whose flags are true to the tracks (audio %s, video %s)',
    (hasAudio, hasVideo, flags) => {
      const bytes = flvFormat.preamble({ hasAudio, hasVideo });
      expect(bytes.toString('hex')).toBe(`464c56010${flags.toString()}0000000900000000`);
    },
  );

  it('writes a tag byte for byte', () => {
    const frame = testFrame({
      kind: 'audio',
      payload: Buffer.from('af01aabb', 'hex'),
      timestampMs: 0x12345678,
    });
    expect(flvFormat.encode([frame]).toString('hex')).toBe(
      '08000004345678120000' + '00' + 'af01aabb' + '0000000f',
    );
  });

  it('keeps times above 24 bits, above 31 bits, and starts over above 32', () => {
    const timeOf = (timestampMs: number): string => {
      const bytes = flvFormat.encode([testFrame({ kind: 'data', payload: Buffer.alloc(0), timestampMs })]);
      return bytes.subarray(7, 8).toString('hex') + bytes.subarray(4, 7).toString('hex');
    };
    expect(timeOf(0x01000000)).toBe('01000000');
    expect(timeOf(0xfffffffe)).toBe('fffffffe');
    expect(timeOf(2 ** 32 + 5)).toBe('00000005');
  });

  it('encodes any run in one buffer of exactly its size', () => {
    const frames = testFrames({ seconds: 1 });
    const bytes = flvFormat.encode(frames);
    expect(bytes.length).toBe(frames.reduce((sum, { payload }) => sum + flvTagBytes(payload.length), 0));
    const parts = frames.map((frame) => flvFormat.encode([frame]));
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    expect(flvFormat.encode([])).toHaveLength(0);
  });

  it('leaves out what no tag can hold', () => {
    const frame = testFrame({ kind: 'video', payload: Buffer.alloc(maxFlvPayloadBytes + 1) });
    expect(flvFormat.encode([frame])).toHaveLength(0);
  });

  it('gives back every generated frame through the reader', () => {
    const frames = testFrames({ seconds: 2, video: 'hvc1', audio: 'Opus', startTimestampMs: 2 ** 32 - 500 });
    const read: unknown[] = [];
    new FlvReader().read(
      Buffer.concat([flvFormat.preamble({ hasAudio: true, hasVideo: true }), flvFormat.encode(frames)]),
      (tag) => read.push(tag),
    );
    expect(read).toEqual(frames.map(({ kind, timestampMs, payload }) => ({ kind, timestampMs, payload })));
  });
});

describe('writeFlvTagInto', () => {
  it('writes at the offset and returns the one behind the tag', () => {
    const target = Buffer.alloc(20, 0xee);
    const end = writeFlvTagInto(target, 2, {
      kind: 'video',
      timestampMs: 1,
      payload: Buffer.from([0x57, 0]),
    });
    expect(end).toBe(2 + flvTagBytes(2));
    expect(target.toString('hex')).toBe('eeee' + '0900000200000100000000' + '5700' + '0000000d' + 'ee');
  });
});
