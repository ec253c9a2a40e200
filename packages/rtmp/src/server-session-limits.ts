import { defaultChunkReaderLimits, type ChunkReaderLimits } from './limits.ts';

/** What a client may take of the server, and how long it may take for it. */
export interface RtmpServerLimits {
  readonly chunks: ChunkReaderLimits;
  /** From the session's beginning to the answer of `connect`, however slowly bytes come. */
  readonly connectMs: number;
  /** How long a connected client may go without publishing or playing anything. */
  readonly idleMs: number;
  /** How long a client whose publish was refused may stay. */
  readonly refusedMs: number;
  /** How long a publisher may send no media. */
  readonly publisherSilentMs: number;
  /** Silence after which the client is asked for a sign of life. */
  readonly pingAfterMs: number;
  /** How long it may owe the answer. */
  readonly pingAnswerMs: number;
  /** Message streams at a time. */
  readonly messageStreams: number;
  /** Publishes and plays of a connection, refused ones included. */
  readonly streamRequests: number;
  /** Messages that make no sense in a row: media without a publish, calls on streams that are not there. */
  readonly strayMessages: number;
  /** Replies that the client leaves unread. */
  readonly unreadReplyBytes: number;
}

/** The defaults of every limit. */
export const defaultRtmpServerLimits: RtmpServerLimits = {
  chunks: defaultChunkReaderLimits,
  connectMs: 10_000,
  idleMs: 30_000,
  refusedMs: 3_000,
  publisherSilentMs: 10_000,
  pingAfterMs: 30_000,
  pingAnswerMs: 60_000,
  messageStreams: 64,
  streamRequests: 512,
  strayMessages: 64,
  unreadReplyBytes: 1024 * 1024,
};
