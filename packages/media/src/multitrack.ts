// Multitrack messages (Enhanced RTMP v2) for viewers that did not announce the ability: they get the default track alone,
// in the single-track form that they know.
import type { Frame } from './frame.ts';
import { packetCode, readEnhancedHead } from './tag-header-enhanced.ts';
import { classifyFrame } from './tag-header-role.ts';

/**
 * The frame as a viewer without multitrack gets it: itself when it is not multitrack, its track 0 in single-track form,
 * or nothing when it has no track 0 or cannot be read. ModEx in front of the multitrack part stays.
 */
export function unwrapDefaultTrack(frame: Frame): Frame | undefined {
  const { kind, payload } = frame;
  const first = payload[0];
  if (first === undefined || kind === 'data') return frame;
  if (kind === 'video' ? first < 0x80 : first >> 4 !== 9) return frame;
  const code = first & 0x0f;
  const multitrack = kind === 'video' ? packetCode.videoMultitrack : packetCode.audioMultitrack;
  if (code !== multitrack && code !== packetCode.modEx) return frame;
  const head = readEnhancedHead(kind, payload);
  if (head === undefined) return code === multitrack ? undefined : frame;
  if (head.multitrackCode === undefined) return frame;
  const track = head.tracks.find(({ trackId }) => trackId === 0);
  if (track === undefined) return undefined;
  const types = ((payload[head.typeAt] ?? 0) & 0xf0) | head.packetCode;
  const single = Buffer.concat([
    payload.subarray(0, head.typeAt),
    Buffer.from([types]),
    payload.subarray(track.fourCcAt, track.fourCcAt + 4),
    payload.subarray(track.start, track.end),
  ]);
  return { ...frame, role: classifyFrame(kind, single), payload: single };
}
