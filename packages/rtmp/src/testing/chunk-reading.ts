import { deepStrictEqual } from 'node:assert';
import { ChunkReader } from '../chunk-reader.ts';
import { defaultChunkReaderLimits } from '../limits.ts';
import type { RtmpMessage } from '../message.ts';
import { splitEverywhere } from './split-reads.ts';

/** How chunks are read. */
export interface ChunkReadingOptions {
  /** Default: 128. */
  readonly chunkSize?: number;
  /** Called for each message, to answer controls. */
  readonly onMessage?: (message: RtmpMessage, reader: ChunkReader) => void;
}

/** All messages of a chunk stream that comes in the given reads, each in memory of its own, as a transport gives them. */
export function readChunks(pieces: readonly Buffer[], options: ChunkReadingOptions = {}): RtmpMessage[] {
  const messages: RtmpMessage[] = [];
  const reader = new ChunkReader(defaultChunkReaderLimits);
  reader.setChunkSize(options.chunkSize ?? 128);
  for (const piece of pieces) {
    reader.read(Buffer.from(piece), (message) => {
      messages.push(message);
      options.onMessage?.(message, reader);
    });
  }
  return messages;
}

/** The same with the bytes whole, byte by byte and split at every offset. Throws unless all give the same messages. */
export function readChunksAtEverySplit(bytes: Buffer, options: ChunkReadingOptions = {}): RtmpMessage[] {
  const expected = readChunks([bytes], options);
  for (const pieces of splitEverywhere(bytes)) deepStrictEqual(readChunks(pieces, options), expected);
  return expected;
}
