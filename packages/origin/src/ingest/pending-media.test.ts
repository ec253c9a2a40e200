import { expect, it } from 'vitest';
import { PendingMedia } from './pending-media.ts';

const header = Buffer.from([0x17, 0, 0, 0, 0, 1]);

function kept(pending: PendingMedia): number[] {
  const times: number[] = [];
  pending.drain((_kind, timestampMs) => times.push(timestampMs));
  return times;
}

it('what waits is what configures the tracks and the group of pictures that began last', () => {
  const pending = new PendingMedia();
  pending.add('video', 0, header);
  pending.add('video', 1, Buffer.from([0x17, 1, 0, 0, 0, 1]));
  pending.add('audio', 2, Buffer.from([0xaf, 1, 0]));
  pending.add('video', 3, Buffer.from([0x17, 1, 0, 0, 0, 1]));
  pending.add('video', 4, Buffer.from([0x27, 1, 0, 0, 0, 1]));
  expect(kept(pending)).toEqual([0, 3, 4]);
  expect(kept(pending)).toEqual([]);
});

it('what waits stays below 8 MiB: above, pictures up to the next keyframe are given up and counted', () => {
  const pending = new PendingMedia();
  const part = Buffer.alloc(3 * 1024 * 1024);
  part.writeUInt16BE(0x27_01);
  pending.add('video', 0, header);
  expect([1, 2, 3, 4].map((ms) => pending.add('video', ms, part))).toEqual([0, 0, 3, 1]);
  pending.add('audio', 5, Buffer.from([0xaf, 1, 0]));
  pending.add('video', 6, Buffer.from([0x17, 1, 0, 0, 0, 1]));
  expect(kept(pending)).toEqual([0, 6]);
});
