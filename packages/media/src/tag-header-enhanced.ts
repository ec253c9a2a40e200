// The extended heads of Enhanced RTMP v2, ExVideoTagHeader and ExAudioTagHeader, as far as they are alike:
//   type nibble in byte 0 · ModEx { size, data, next type nibble }* · [multitrack byte] · FourCC · tracks.
// Everything is read within the payload's bounds; a head that does not fit there is no head.
import type { FrameKind } from './frame.ts';

/** Packet type codes that audio and video share, and those that differ. */
export const packetCode = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  videoMetadata: 4,
  multichannelConfig: 4,
  mpeg2TsSequenceStart: 5,
  audioMultitrack: 5,
  videoMultitrack: 6,
  modEx: 7,
} as const;

/** The frame type of video commands: one byte follows, no FourCC. */
export const commandFrameType = 5;

/** One track's part of an enhanced message, by offsets into the payload. */
export interface EnhancedTrack {
  readonly trackId: number;
  readonly fourCcAt: number;
  /** The body: composition offset included. */
  readonly start: number;
  readonly end: number;
}

/** An enhanced head by offsets into its payload. */
export interface EnhancedHead {
  /** Where the last type nibble in front of a multitrack byte stands: byte 0, or the end of the last ModEx. */
  readonly typeAt: number;
  readonly packetCode: number;
  readonly nanosecondOffset: number;
  /** 0 one track, 1 many tracks, 2 many tracks and codecs; undefined in single-track form. */
  readonly multitrackCode: number | undefined;
  /** Empty for a video command. */
  readonly tracks: readonly EnhancedTrack[];
}

const timestampOffsetNano = 0;
const oneTrack = 0;
const manyTracksManyCodecs = 2;
// Track ids are bytes: more entries than that repeat themselves.
const maxTracks = 256;

/** Reads an enhanced head, or undefined when the payload ends within it or breaks its rules. */
export function readEnhancedHead(kind: FrameKind, payload: Buffer): EnhancedHead | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  const modifiers = readModifiers(payload, first & 0x0f);
  if (modifiers === undefined) return undefined;
  const isCommand =
    kind === 'video' &&
    ((first >> 4) & 7) === commandFrameType &&
    modifiers.packetCode !== packetCode.videoMetadata;
  if (isCommand) return { ...modifiers, multitrackCode: undefined, tracks: [] };
  const multitrack = kind === 'video' ? packetCode.videoMultitrack : packetCode.audioMultitrack;
  const at = modifiers.typeAt + 1;
  if (modifiers.packetCode === multitrack) return readMultitrack(payload, at, modifiers, multitrack);
  if (at + 4 > payload.length) return undefined;
  const track = { trackId: 0, fourCcAt: at, start: at + 4, end: payload.length };
  return { ...modifiers, multitrackCode: undefined, tracks: [track] };
}

type Modifiers = Pick<EnhancedHead, 'typeAt' | 'packetCode' | 'nanosecondOffset'>;

// Each turn moves forward by at least 3 bytes, so that the payload's length bounds the loop.
function readModifiers(payload: Buffer, firstCode: number): Modifiers | undefined {
  let code = firstCode;
  let typeAt = 0;
  let nanosecondOffset = 0;
  while (code === packetCode.modEx) {
    let at = typeAt + 1;
    let size = (payload[at++] ?? 0) + 1;
    if (size === 256) {
      if (at + 2 > payload.length) return undefined;
      size = payload.readUInt16BE(at) + 1;
      at += 2;
    }
    typeAt = at + size;
    const types = payload[typeAt];
    if (types === undefined) return undefined;
    if (types >> 4 === timestampOffsetNano && size >= 3) nanosecondOffset = payload.readUIntBE(at, 3);
    code = types & 0x0f;
  }
  return { typeAt, packetCode: code, nanosecondOffset };
}

function readMultitrack(
  payload: Buffer,
  at: number,
  modifiers: Modifiers,
  multitrack: number,
): EnhancedHead | undefined {
  const types = payload[at];
  if (types === undefined) return undefined;
  const multitrackCode = types >> 4;
  const code = types & 0x0f;
  if (multitrackCode > manyTracksManyCodecs || code === multitrack || code === packetCode.modEx) {
    return undefined;
  }
  const tracks = readTracks(payload, at + 1, multitrackCode);
  return tracks && { ...modifiers, packetCode: code, multitrackCode, tracks };
}

function readTracks(payload: Buffer, from: number, multitrackCode: number): EnhancedTrack[] | undefined {
  const hasOwnFourCc = multitrackCode === manyTracksManyCodecs;
  const hasSize = multitrackCode !== oneTrack;
  const entryBytes = (hasOwnFourCc ? 4 : 0) + 1 + (hasSize ? 3 : 0);
  const tracks: EnhancedTrack[] = [];
  let at = hasOwnFourCc ? from : from + 4;
  do {
    const fourCcAt = hasOwnFourCc ? at : from;
    const start = at + entryBytes;
    if (start > payload.length || tracks.length === maxTracks) return undefined;
    const end = hasSize ? start + payload.readUIntBE(start - 3, 3) : payload.length;
    if (end > payload.length) return undefined;
    tracks.push({ trackId: payload[fourCcAt === at ? at + 4 : at] ?? 0, fourCcAt, start, end });
    at = end;
  } while (at < payload.length);
  return tracks;
}
