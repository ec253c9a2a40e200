/** One whole RTMP message, as it comes out of the chunk stream or goes into it. */
export interface RtmpMessage {
  /** 2 to 65599. */
  readonly chunkStreamId: number;
  /** One of `messageType`, or any other byte. */
  readonly typeId: number;
  /** 0 for the connection itself. */
  readonly messageStreamId: number;
  /**
   * Milliseconds. Read messages that carry media have it unwrapped: it passes 2^32 instead of restarting at 0, the same
   * for every chunk stream of a connection. All other messages have the 32-bit field as it was sent.
   */
  readonly timestampMs: number;
  /** Of a read message: at least half of the memory under it, so that keeping it keeps little else alive. */
  readonly payload: Buffer;
}

/** Message type ids (RTMP 1.0 §5.4, §6.2, §7.1). */
export const messageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  dataAmf0: 18,
  sharedObjectAmf0: 19,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** The chunk streams that we write on, whatever the peer uses. */
export const chunkStreamId = { control: 2, command: 3, audio: 4, data: 5, video: 6 } as const;
