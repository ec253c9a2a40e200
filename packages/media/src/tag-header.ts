// Heads of FLV tag bodies: the legacy codec fields (FLV specification E.4.2, E.4.3) and, where bit 7 of a video head or
// sound format 9 says so, the extended heads of Enhanced RTMP. What a message means to caching is in tag-header-role.ts.
import {
  audioFourCcName,
  hasCompositionOffset,
  legacyAudioName,
  legacyVideoName,
  unknownCodec,
  videoFourCcName,
} from './codec-names.ts';
import { type EnhancedHead, packetCode, readEnhancedHead } from './tag-header-enhanced.ts';

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

/** One track's part of a message. `start` and `end` bound its coded data within the payload. */
export interface TagTrack {
  readonly trackId: number;
  readonly codec: string;
  /** Presentation minus decoding time; 0 for audio. */
  readonly compositionOffsetMs: number;
  readonly start: number;
  readonly end: number;
}

/** What the head of an audio message says. */
export interface AudioTagDescription {
  readonly isEnhanced: boolean;
  readonly packetType: TagPacketType;
  /** Sample entry name, e.g. `mp4a`, `Opus`, `.mp3`; else a plain name such as `speex`; `unknown`. Of the first track. */
  readonly codec: string;
  readonly multitrack: MultitrackType;
  /** Every track in the message; one entry with id 0 when it is not multitrack, none when it has no body to read. */
  readonly tracks: readonly TagTrack[];
  /** Added to the timestamp, in nanoseconds (ModEx TimestampOffsetNano). */
  readonly nanosecondOffset: number;
}

/** The frame type of a video message. */
export type VideoFrameType = 'key' | 'inter' | 'disposable' | 'generated-key' | 'command' | 'unknown';

/** What the head of a video message says. */
export interface VideoTagDescription extends AudioTagDescription {
  readonly frameType: VideoFrameType;
  /** Of the first track. */
  readonly compositionOffsetMs: number;
}

const multitrackTypes: readonly MultitrackType[] = ['one-track', 'many-tracks', 'many-tracks-many-codecs'];
const frameTypes: readonly VideoFrameType[] = [
  'unknown',
  'key',
  'inter',
  'disposable',
  'generated-key',
  'command',
];

const unreadAudio: AudioTagDescription = {
  isEnhanced: false,
  packetType: 'unknown',
  codec: unknownCodec,
  multitrack: 'none',
  tracks: [],
  nanosecondOffset: 0,
};
const unreadVideo: VideoTagDescription = { ...unreadAudio, frameType: 'unknown', compositionOffsetMs: 0 };

/** Reads the head of a video tag body. Never throws: what cannot be read has the packet type `unknown`. */
export function parseVideoTag(payload: Buffer): VideoTagDescription {
  const first = payload[0];
  if (first === undefined) return unreadVideo;
  const frameType = frameTypes[(first >> 4) & 7] ?? 'unknown';
  if (first >= 0x80) {
    const head = readEnhancedHead('video', payload);
    if (head === undefined) return { ...unreadVideo, isEnhanced: true, frameType };
    const packetType = head.tracks.length === 0 ? 'command' : videoPacketType(head.packetCode);
    const tracks = videoTracks(payload, head);
    return describeVideo({ ...describeEnhanced(head, packetType, tracks), frameType });
  }
  const codec = legacyVideoName(first & 0x0f);
  if (frameType === 'command') return { ...unreadVideo, codec, frameType, packetType: 'command' };
  if (codec === unknownCodec) return { ...unreadVideo, frameType };
  const isConfigured = codec === 'avc1' || codec === 'hvc1';
  const start = isConfigured ? 5 : 1;
  if (payload.length < start) return { ...unreadVideo, codec, frameType };
  const packetType = isConfigured ? configuredPacketType(payload[1]) : 'coded-frames';
  const compositionOffsetMs = isConfigured && packetType === 'coded-frames' ? payload.readIntBE(2, 3) : 0;
  const tracks = [{ trackId: 0, codec, compositionOffsetMs, start, end: payload.length }];
  return describeVideo({ ...unreadAudio, packetType, codec, tracks, frameType });
}

/** Reads the head of an audio tag body. Never throws: what cannot be read has the packet type `unknown`. */
export function parseAudioTag(payload: Buffer): AudioTagDescription {
  const first = payload[0];
  if (first === undefined) return unreadAudio;
  const soundFormat = first >> 4;
  if (soundFormat === 9) {
    const head = readEnhancedHead('audio', payload);
    if (head === undefined) return { ...unreadAudio, isEnhanced: true };
    const tracks = head.tracks.map(({ trackId, fourCcAt, start, end }) => {
      const codec = audioFourCcName(payload.readUInt32BE(fourCcAt));
      return { trackId, codec, compositionOffsetMs: 0, start, end };
    });
    return describeEnhanced(head, audioPacketType(head.packetCode), tracks);
  }
  const codec = legacyAudioName(soundFormat);
  if (codec === unknownCodec) return unreadAudio;
  const start = codec === 'mp4a' ? 2 : 1;
  if (payload.length < start) return { ...unreadAudio, codec };
  const packetType = codec === 'mp4a' ? configuredPacketType(payload[1]) : 'coded-frames';
  const tracks = [{ trackId: 0, codec, compositionOffsetMs: 0, start, end: payload.length }];
  return { ...unreadAudio, packetType, codec, tracks };
}

function describeEnhanced(
  head: EnhancedHead,
  packetType: TagPacketType,
  tracks: readonly TagTrack[],
): AudioTagDescription {
  const { multitrackCode, nanosecondOffset } = head;
  const multitrack = multitrackCode === undefined ? 'none' : (multitrackTypes[multitrackCode] ?? 'none');
  const codec = tracks[0]?.codec ?? unknownCodec;
  return { isEnhanced: true, packetType, codec, multitrack, tracks, nanosecondOffset };
}

function describeVideo(
  description: AudioTagDescription & Pick<VideoTagDescription, 'frameType'>,
): VideoTagDescription {
  return { ...description, compositionOffsetMs: description.tracks[0]?.compositionOffsetMs ?? 0 };
}

function videoTracks(payload: Buffer, head: EnhancedHead): TagTrack[] {
  return head.tracks.map(({ trackId, fourCcAt, start, end }) => {
    const codec = videoFourCcName(payload.readUInt32BE(fourCcAt));
    const isOffset = head.packetCode === packetCode.codedFrames && hasCompositionOffset(codec);
    if (!isOffset) return { trackId, codec, compositionOffsetMs: 0, start, end };
    if (start + 3 > end) return { trackId, codec, compositionOffsetMs: 0, start: end, end };
    return { trackId, codec, compositionOffsetMs: payload.readIntBE(start, 3), start: start + 3, end };
  });
}

// AVCPacketType, AACPacketType: the legacy packet type of codecs that have a configuration.
function configuredPacketType(code: number | undefined): TagPacketType {
  if (code === 0) return 'sequence-start';
  if (code === 1) return 'coded-frames';
  return code === 2 ? 'sequence-end' : 'unknown';
}

function videoPacketType(code: number): TagPacketType {
  if (code === packetCode.codedFramesX) return 'coded-frames';
  if (code === packetCode.videoMetadata) return 'metadata';
  if (code === packetCode.mpeg2TsSequenceStart) return 'mpeg2ts-sequence-start';
  return configuredPacketType(code);
}

function audioPacketType(code: number): TagPacketType {
  return code === packetCode.multichannelConfig ? 'multichannel-config' : configuredPacketType(code);
}
