/** What a frame carries; the three FLV tag types. */
export type FrameKind = 'audio' | 'video' | 'data';

/**
 * What a frame means to caching and joining:
 * `header` configures a track for all that follows (sequence headers, colour info, multichannel layout);
 * `metadata` is onMetaData; `keyframe` is a video frame of the default track that decodes by itself;
 * `media` is all other audio, video and data, relayed and never a starting point of video.
 */
export type FrameRole = 'header' | 'metadata' | 'keyframe' | 'media';

/** One timed media message: an FLV tag body. Immutable; its payload owns its bytes and is shared by all who need it. */
export interface Frame {
  readonly kind: FrameKind;
  readonly role: FrameRole;
  /** Position within its epoch, counted from 0 by the owner. */
  readonly sequence: number;
  /** Milliseconds (decoding time), unwrapped: it passes 2^32 instead of restarting at 0. */
  readonly timestampMs: number;
  /** The FLV tag body, without tag header. May be empty: a legal silence marker. */
  readonly payload: Buffer;
}
