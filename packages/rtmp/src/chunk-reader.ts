import type { ChunkReaderLimits } from './limits.ts';
import type { RtmpMessage } from './message.ts';

/** Reads the chunk stream of one connection from bytes split anywhere. */
export class ChunkReader {
  constructor(limits: ChunkReaderLimits, startOffset: number = 0) {
    void limits;
    void startOffset;
  }

  /** All bytes given so far, those of the running `read` included, plus the start offset. */
  get bytesRead(): number {
    throw new Error('not implemented');
  }

  /** Calls `onMessage` for every message that the bytes complete. Throws `ProtocolError`; the reader is then spent. */
  read(bytes: Buffer, onMessage: (message: RtmpMessage) => void): void {
    void bytes;
    void onMessage;
    throw new Error('not implemented');
  }

  /** The peer's Set Chunk Size, from the next chunk on. Throws `ProtocolError` unless 1 to 0x7FFFFFFF. */
  setChunkSize(size: number): void {
    void size;
    throw new Error('not implemented');
  }

  /** The peer's Abort: drops the unfinished message of a chunk stream, if there is one. */
  abort(chunkStreamId: number): void {
    void chunkStreamId;
    throw new Error('not implemented');
  }
}
