/** What a peer may make the chunk reader hold. Passing any of them is a protocol error. */
export interface ChunkReaderLimits {
  /** Length of one message. */
  readonly messageBytes: number;
  /** Memory of all messages that are not complete yet. */
  readonly unfinishedBytes: number;
  /** Chunk streams ever used on the connection. */
  readonly chunkStreams: number;
}

/** 10 MiB, 24 MiB, 256. */
export const defaultChunkReaderLimits: ChunkReaderLimits = {
  messageBytes: 10 * 1024 * 1024,
  unfinishedBytes: 24 * 1024 * 1024,
  chunkStreams: 256,
};

/** The chunk size that both sides start with (RTMP 1.0 §5.4.1). */
export const initialChunkSize = 128;

/** The chunk size that we announce and write with. */
export const rtmpChunkSizeOut = 60_000;

/** The longest message that the 24-bit length field can announce. */
export const maxMessageLength = 0xff_ff_ff;

/** A 24-bit time field of this value means that 4 bytes with the time follow the header (RTMP 1.0 §5.3.1.3). */
export const extendedTimestampMark = 0xff_ff_ff;
