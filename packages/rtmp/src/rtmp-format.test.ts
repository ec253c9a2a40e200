import type { Frame } from '@headwater/media';
import { describe, expect, it } from 'vitest';
import { ChunkReader } from './chunk-reader.ts';
import { encodeMessage } from './chunk-writer.ts';
import { defaultChunkReaderLimits, rtmpChunkSizeOut } from './limits.ts';
import type { RtmpMessage } from './message.ts';
import { rtmpFormat } from './rtmp-format.ts';

function frame(kind: Frame['kind'], timestampMs: number, payload: Buffer): Frame {
  return { kind, role: 'media', sequence: 0, timestampMs, payload };
}

function read(bytes: Buffer): RtmpMessage[] {
  const messages: RtmpMessage[] = [];
  const reader = new ChunkReader(defaultChunkReaderLimits);
  reader.setChunkSize(rtmpChunkSizeOut);
  reader.read(bytes, (message) => messages.push(message));
  return messages;
}

const frames = [
  frame('data', 0, Buffer.from('metadata')),
  frame('video', 40, Buffer.alloc(130_000, 1)),
  frame('audio', 43, Buffer.from('sound')),
  frame('audio', 2 ** 32 + 7, Buffer.alloc(0)),
  frame('video', 0xffffff, Buffer.alloc(60_001, 2)),
];

describe('rtmpFormat', () => {
  it('names itself by message stream and by what it leaves out', () => {
    const id = (audio: boolean, video: boolean): string =>
      rtmpFormat({ messageStreamId: 3, kinds: { audio, video } }).id;
    expect(rtmpFormat({ messageStreamId: 1 }).id).toBe('rtmp:1');
    expect([id(true, true), id(true, false), id(false, true), id(false, false)]).toEqual([
      'rtmp:3',
      'rtmp:3:audio',
      'rtmp:3:video',
      'rtmp:3:data',
    ]);
  });

  it('has no preamble', () => {
    expect(rtmpFormat({ messageStreamId: 1 }).preamble({ hasAudio: true, hasVideo: true })).toHaveLength(0);
  });

  it('sends every frame on our chunk stream of its kind and the viewer’s message stream', () => {
    const messages = read(rtmpFormat({ messageStreamId: 7 }).encode(frames));
    const heads = messages.map(({ chunkStreamId, typeId, messageStreamId, timestampMs }) => {
      return [chunkStreamId, typeId, messageStreamId, timestampMs];
    });
    expect(heads).toEqual([
      [5, 18, 7, 0],
      [6, 9, 7, 40],
      [4, 8, 7, 43],
      [4, 8, 7, 7],
      [6, 9, 7, 0xffffff],
    ]);
    const isSame = messages.map(({ payload }, at) =>
      payload.equals(frames[at]?.payload ?? payload.subarray(1)),
    );
    expect(isSame).toEqual([true, true, true, true, true]);
  });

  it('encodes any run of frames to what its frames encode to alone', () => {
    const format = rtmpFormat({ messageStreamId: 1 });
    const alone = Buffer.concat(frames.map((each) => format.encode([each])));
    expect(format.encode(frames).equals(alone)).toBe(true);
  });

  it('leaves out the kinds that are not wanted, and data never', () => {
    const typeIds = (audio: boolean, video: boolean): number[] =>
      read(rtmpFormat({ messageStreamId: 1, kinds: { audio, video } }).encode(frames)).map(
        ({ typeId }) => typeId,
      );
    expect(typeIds(true, false)).toEqual([18, 8, 8]);
    expect(typeIds(false, true)).toEqual([18, 9, 9]);
    expect(typeIds(false, false)).toEqual([18]);
  });

  it('gives exactly sized memory of its own', () => {
    const bytes = rtmpFormat({ messageStreamId: 1 }).encode(frames);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(rtmpFormat({ messageStreamId: 1 }).encode([])).toHaveLength(0);
  });

  it('begins every message with a whole header', () => {
    const [, video] = frames;
    const expected = encodeMessage(
      {
        chunkStreamId: 6,
        typeId: 9,
        messageStreamId: 1,
        timestampMs: 40,
        payload: video?.payload ?? Buffer.alloc(0),
      },
      rtmpChunkSizeOut,
    );
    expect(rtmpFormat({ messageStreamId: 1 }).encode(frames.slice(1, 2)).equals(expected)).toBe(true);
  });
});
