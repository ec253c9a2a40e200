// Heads of FLV tag bodies: the legacy one-byte codec fields and the extended heads of Enhanced RTMP v1 and v2.
import type { FrameKind, FrameRole } from './frame.ts';

/** What a message does for its track. `unknown` is anything that cannot be read; it is relayed and never cached. */
export type TagPacketType =
  | 'sequence-start'
  | 'coded-frames'
  | 'sequence-end'
  | 'metadata'
  | 'mpeg2ts-sequence-start'
  | 'multichannel-config'
  | 'command'
  | 'unknown';

/** How several tracks share one message. */
export type MultitrackType = 'none' | 'one-track' | 'many-tracks' | 'many-tracks-many-codecs';

/** One track's part of a message. `start` and `end` bound its body within the payload. */
export interface TagTrack {
  readonly trackId: number;
  readonly codec: string;
  readonly start: number;
  readonly end: number;
}

/** What the head of an audio message says. */
export interface AudioTagDescription {
  readonly isEnhanced: boolean;
  readonly packetType: TagPacketType;
  /** Sample entry name, e.g. `mp4a`, `Opus`, `.mp3`; a legacy name such as `speex`; `unknown`. Of the default track. */
  readonly codec: string;
  readonly multitrack: MultitrackType;
  /** Every track in the message; one entry with id 0 when the message is not multitrack, none when it is unknown. */
  readonly tracks: readonly TagTrack[];
  /** Added to the timestamp, in nanoseconds (ModEx TimestampOffsetNano). */
  readonly nanosecondOffset: number;
}

/** What the head of a video message says. */
export interface VideoTagDescription extends AudioTagDescription {
  readonly frameType: 'key' | 'inter' | 'disposable' | 'generated-key' | 'command' | 'unknown';
  /** Presentation minus decoding time of the default track. */
  readonly compositionOffsetMs: number;
}

/** Reads the head of a video tag body. Never throws: what cannot be read has the packet type `unknown`. */
export function parseVideoTag(payload: Buffer): VideoTagDescription {
  throw new Error(`not built yet ${payload.length.toString()}`);
}

/** Reads the head of an audio tag body. Never throws: what cannot be read has the packet type `unknown`. */
export function parseAudioTag(payload: Buffer): AudioTagDescription {
  throw new Error(`not built yet ${payload.length.toString()}`);
}

/** The role of a message, by its first bytes alone in the common cases. */
export function classifyFrame(kind: FrameKind, payload: Buffer): FrameRole {
  throw new Error(`not built yet ${kind} ${payload.length.toString()}`);
}
