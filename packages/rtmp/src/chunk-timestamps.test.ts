import { describe, expect, it } from 'vitest';
import { ChunkTimestamps } from './chunk-timestamps.ts';
import { messageType } from './message.ts';

const { audio, video, dataAmf0, commandAmf0 } = messageType;

function unwrapAll(times: readonly (readonly [number, number])[]): readonly number[] {
  const timestamps = new ChunkTimestamps();
  return times.map(([typeId, time]) => timestamps.unwrap(typeId, time));
}

describe('ChunkTimestamps', () => {
  it('goes on past 2^32, for audio and video alike', () => {
    const times = [
      [video, 0xffffffe0],
      [audio, 0xfffffff0],
      [video, 8],
      [audio, 0xfffffffb],
      [audio, 18],
      [video, 48],
    ] as const;
    const wrap = 2 ** 32;
    expect(unwrapAll(times)).toEqual([wrap - 32, wrap - 16, wrap + 8, wrap - 5, wrap + 18, wrap + 48]);
  });

  it('passes 2^31 without a jump', () => {
    expect(unwrapAll([[video, 0x7ffffff0], [video, 0x80000010]])).toEqual([0x7ffffff0, 0x80000010]); // prettier-ignore
  });

  it('takes a step back for a step back', () => {
    expect(unwrapAll([[video, 5000], [audio, 4990], [video, 0]])).toEqual([5000, 4990, 0]); // prettier-ignore
  });

  it('wraps as often as time does', () => {
    const timestamps = new ChunkTimestamps();
    let expectedMs = 4_000_000_000;
    for (let step = 0; step < 100; step += 1) {
      expect(timestamps.unwrap(video, expectedMs % 2 ** 32)).toBe(expectedMs);
      expectedMs += 2_000_000_000;
    }
  });

  it('begins at the wall clock of an encoder although its metadata is stamped 0', () => {
    const times = [
      [dataAmf0, 0],
      [video, 3_000_000_000],
      [audio, 3_000_000_003],
      [dataAmf0, 3_000_000_010],
    ] as const;
    expect(unwrapAll(times)).toEqual([0, 3_000_000_000, 3_000_000_003, 3_000_000_010]);
  });

  it('comes back to the wall clock of an encoder whose video header alone is stamped 0', () => {
    expect(unwrapAll([[video, 0], [audio, 3e9], [video, 3e9 + 40]])).toEqual([0, 3e9, 3e9 + 40]); // prettier-ignore
  });

  it('does not let data decide how often time has wrapped', () => {
    const later = 2 ** 32 + 2 ** 31;
    const times = [
      [video, 2 ** 32 - 10],
      [video, 2 ** 30],
      [video, 2 ** 31 - 50],
      [dataAmf0, 0],
      [video, 2 ** 31 + 10],
    ] as const;
    expect(unwrapAll(times)).toEqual([2 ** 32 - 10, 2 ** 32 + 2 ** 30, later - 50, 2 ** 32, later + 10]);
  });

  it('gives 0 for audio that begins a little before video at 0', () => {
    expect(unwrapAll([[video, 0], [audio, 0xffffffd8], [audio, 0xffffffee], [audio, 4]])).toEqual([0, 0, 0, 4]); // prettier-ignore
  });

  it('leaves messages without media alone, and unmoved by them', () => {
    const times = [
      [video, 0xfffffff0],
      [commandAmf0, 0],
      [video, 4],
    ] as const;
    expect(unwrapAll(times)).toEqual([0xfffffff0, 0, 2 ** 32 + 4]);
  });

  it('stays within exact integers, however far a peer leaps', () => {
    const timestamps = new ChunkTimestamps();
    let time = 0;
    for (let step = 0; step < 5_000_000; step += 1) {
      time = (time + 0x7fffffff) >>> 0;
      const unwrapped = timestamps.unwrap(video, time);
      if (!Number.isSafeInteger(unwrapped) || unwrapped < 0) expect.fail(String(unwrapped));
    }
  });
});
