// What a message means to caching and joining, decided for every frame that enters a node: the first bytes answer it in
// the common cases, without allocation; only ModEx and multitrack heads are read in full.
import { hasCompositionOffset, legacyVideoName, unknownCodec, videoFourCcName } from './codec-names.ts';
import type { FrameKind, FrameRole } from './frame.ts';
import { type VideoTagDescription, parseAudioTag, parseVideoTag } from './tag-header.ts';
import { commandFrameType, packetCode } from './tag-header-enhanced.ts';

const keyFrameType = 1;
const enhancedSoundFormat = 9;
const aac = 10;
// An AMF0 string marker, its length, and the name.
const onMetaData = Buffer.from('\x02\x00\x0aonMetaData', 'latin1');

/**
 * The role of a message. A header must have a body; a keyframe is a coded frame of the default track (id 0) in a known
 * codec with frame type 1. Everything else, the empty payload and garbage included, is `media`.
 */
export function classifyFrame(kind: FrameKind, payload: Buffer): FrameRole {
  const first = payload[0];
  if (first === undefined) return 'media';
  if (kind === 'video') {
    return first < 0x80 ? legacyVideoRole(first, payload) : enhancedVideoRole(first, payload);
  }
  if (kind === 'audio') return audioRole(first, payload);
  const isMetaData =
    payload.length >= onMetaData.length &&
    payload.compare(onMetaData, 0, onMetaData.length, 0, onMetaData.length) === 0;
  return isMetaData ? 'metadata' : 'media';
}

/** True when the message is video of the default track in a known codec: such a stream has keyframes to wait for. */
export function isDefaultVideo(payload: Buffer): boolean {
  const first = payload[0];
  if (first === undefined) return false;
  if (first < 0x80) {
    return (
      first >> 4 !== commandFrameType && payload.length > 1 && legacyVideoName(first & 0x0f) !== unknownCodec
    );
  }
  const code = first & 0x0f;
  if (code === packetCode.videoMultitrack || code === packetCode.modEx) {
    return hasDefaultTrack(parseVideoTag(payload));
  }
  if (((first >> 4) & 7) === commandFrameType && code !== packetCode.videoMetadata) return false;
  return payload.length > 5 && videoFourCcName(payload.readUInt32BE(1)) !== unknownCodec;
}

function legacyVideoRole(first: number, payload: Buffer): FrameRole {
  const frameType = first >> 4;
  const codecId = first & 0x0f;
  if (frameType === commandFrameType) return 'media';
  if (codecId === 7 || codecId === 12) {
    if (payload.length <= 5) return 'media';
    if (payload[1] === 0) return 'header';
    return payload[1] === 1 && frameType === keyFrameType ? 'keyframe' : 'media';
  }
  const isKeyframe =
    frameType === keyFrameType && payload.length > 1 && legacyVideoName(codecId) !== unknownCodec;
  return isKeyframe ? 'keyframe' : 'media';
}

function enhancedVideoRole(first: number, payload: Buffer): FrameRole {
  const code = first & 0x0f;
  if (code === packetCode.videoMultitrack || code === packetCode.modEx) {
    return roleOfVideo(parseVideoTag(payload));
  }
  const frameType = (first >> 4) & 7;
  if (payload.length <= 5) return 'media';
  if (code === packetCode.videoMetadata) return 'header';
  if (frameType === commandFrameType) return 'media';
  if (code === packetCode.sequenceStart || code === packetCode.mpeg2TsSequenceStart) return 'header';
  if (frameType !== keyFrameType) return 'media';
  if (code !== packetCode.codedFrames && code !== packetCode.codedFramesX) return 'media';
  const codec = videoFourCcName(payload.readUInt32BE(1));
  if (codec === unknownCodec) return 'media';
  const isOffset = code === packetCode.codedFrames && hasCompositionOffset(codec);
  return payload.length > (isOffset ? 8 : 5) ? 'keyframe' : 'media';
}

function audioRole(first: number, payload: Buffer): FrameRole {
  const soundFormat = first >> 4;
  if (soundFormat === aac) return payload[1] === 0 && payload.length > 2 ? 'header' : 'media';
  if (soundFormat !== enhancedSoundFormat) return 'media';
  const code = first & 0x0f;
  if (code === packetCode.audioMultitrack || code === packetCode.modEx) {
    const { packetType, tracks } = parseAudioTag(payload);
    const isHeader = packetType === 'sequence-start' || packetType === 'multichannel-config';
    return isHeader && tracks.some((track) => track.end > track.start) ? 'header' : 'media';
  }
  const isHeader = code === packetCode.sequenceStart || code === packetCode.multichannelConfig;
  return isHeader && payload.length > 5 ? 'header' : 'media';
}

function roleOfVideo(tag: VideoTagDescription): FrameRole {
  const { packetType, frameType } = tag;
  if (
    packetType === 'sequence-start' ||
    packetType === 'mpeg2ts-sequence-start' ||
    packetType === 'metadata'
  ) {
    return tag.tracks.some((track) => track.end > track.start) ? 'header' : 'media';
  }
  if (packetType !== 'coded-frames' || frameType !== 'key') return 'media';
  return hasDefaultTrack(tag) ? 'keyframe' : 'media';
}

function hasDefaultTrack(tag: VideoTagDescription): boolean {
  return tag.tracks.some(
    (track) => track.trackId === 0 && track.codec !== unknownCodec && track.end > track.start,
  );
}
