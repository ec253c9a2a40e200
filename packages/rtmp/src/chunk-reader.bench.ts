// Reading a publisher and writing for viewers: 1 Mbit/s of H.264 at 25 fps with a GOP of 2 s, and AAC of 128 kbit/s.
// One iteration is 10 s of the stream.
import type { Frame } from '@headwater/media';
import { bench, describe } from 'vitest';
import { ChunkReader } from './chunk-reader.ts';
import { encodeMessages } from './chunk-writer.ts';
import { defaultChunkReaderLimits } from './limits.ts';
import { frameMessage, rtmpFormat } from './rtmp-format.ts';
import { splitByLengths } from './testing/index.ts';

function typicalFrames(seconds: number): readonly Frame[] {
  const frames: Frame[] = [];
  const add = (kind: Frame['kind'], timestampMs: number, bytes: number): void => {
    const payload = Buffer.alloc(bytes, frames.length & 0xff);
    frames.push({ kind, role: 'media', sequence: frames.length, timestampMs, payload });
  };
  for (let at = 0; at < seconds * 25; at += 1) add('video', at * 40, at % 50 === 0 ? 40_000 : 4_300);
  for (let at = 0; at < seconds * 47; at += 1) add('audio', Math.floor((at * 1024) / 48), 345);
  return frames.sort((a, b) => a.timestampMs - b.timestampMs);
}

const frames = typicalFrames(10);
const messages = frames.map((frame) => frameMessage(frame, 1));

describe('ChunkReader', () => {
  for (const chunkSize of [128, 4096, 60_000]) {
    const bytes = encodeMessages(messages, chunkSize);
    for (const readBytes of [1460, 65_536]) {
      const reads = splitByLengths(bytes, [readBytes]);
      const name = `${String(messages.length)} messages, ${(bytes.length / 1e6).toFixed(2)} MB`;
      bench(`${name}, chunks of ${String(chunkSize)}, reads of ${String(readBytes)}`, () => {
        const reader = new ChunkReader(defaultChunkReaderLimits);
        reader.setChunkSize(chunkSize);
        for (const read of reads) reader.read(read, () => undefined);
      });
    }
  }
});

describe('rtmpFormat.encode', () => {
  const format = rtmpFormat({ messageStreamId: 1 });
  for (const batchFrames of [1, 3, 25]) {
    const batches: Frame[][] = [];
    for (let at = 0; at < frames.length; at += batchFrames) batches.push(frames.slice(at, at + batchFrames));
    bench(`${String(frames.length)} frames in batches of ${String(batchFrames)}`, () => {
      for (const batch of batches) format.encode(batch);
    });
  }
});
