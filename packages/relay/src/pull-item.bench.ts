// A batch on its way from origin to edge. One iteration is 2 s of a stream of 1 Mbit/s.
import { testFrames } from '@headwater/media/testing';
import { bench, describe } from 'vitest';
import { decodePullItem, encodeFramesItem } from './pull-item.ts';

const frames = testFrames({ seconds: 2, gopSeconds: 2, videoBitrate: 950_000, audioBitrate: 128_000 });

for (const batchFrames of [1, 3, 25]) {
  const batches = Array.from({ length: Math.ceil(frames.length / batchFrames) }, (_, index) =>
    frames.slice(index * batchFrames, (index + 1) * batchFrames),
  );
  const items = batches.map((batch) => encodeFramesItem(batch, 1));
  describe(`a batch of ${String(batchFrames)} frames`, () => {
    bench('encodeFramesItem', () => {
      for (const batch of batches) encodeFramesItem(batch, 1);
    });
    bench('decodePullItem', () => {
      for (const item of items) decodePullItem(item);
    });
  });
}
