// Frames that prove themselves: each carries its number and a checksum over all of it, inside bodies that look like
// H.264 and AAC to a server (FLV tag bodies). Whoever watches can tell a lost, swapped, repeated, altered or foreign
// frame from a good one.
import { crc32 } from 'node:zlib';

/** Milliseconds from one frame to the next: 25 frames a second. */
export const framePeriodMs = 40;

/** A keyframe opens each group of this many frames. */
export const framesPerGop = 25;

const videoBodyBytes = 1800;
const audioBodyBytes = 180;
const mark = Buffer.from('GOODFRAM');

/** AVCDecoderConfigurationRecord of a 640x360 baseline stream as a sequence header. */
export const videoSequenceHeader: Buffer = Buffer.from(
  '17000000000142c01effe1001c6742c01ed900a02ff97016a02020280000030008000003019078b17501000468ce3c80',
  'hex',
);

/** AudioSpecificConfig of AAC-LC, 44.1 kHz stereo, as a sequence header. */
export const audioSequenceHeader: Buffer = Buffer.from([0xaf, 0x00, 0x12, 0x10]);

/** True for the frame numbers that are keyframes. */
export function isKeyframe(number: number): boolean {
  return number % framesPerGop === 0;
}

/** The video tag body of a frame number. */
export function videoFrame(number: number): Buffer {
  const isKey = isKeyframe(number);
  const nalBytes = videoBodyBytes - 9;
  const head = Buffer.from([isKey ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, nalBytes >> 8, nalBytes & 0xff]);
  return seal(Buffer.concat([head, Buffer.from([isKey ? 0x65 : 0x41])]), number, videoBodyBytes);
}

/** The audio tag body of a frame number. */
export function audioFrame(number: number): Buffer {
  return seal(Buffer.from([0xaf, 1, 0x21]), number, audioBodyBytes);
}

/** What a received body is: a frame with its number, a sequence header, or something that was never sent. */
export type FrameVerdict = { readonly number: number } | 'header' | 'altered';

/** Judges a received audio or video tag body. */
export function judgeFrame(kind: 'audio' | 'video', body: Buffer): FrameVerdict {
  if (body.equals(kind === 'audio' ? audioSequenceHeader : videoSequenceHeader)) return 'header';
  const at = body.indexOf(mark);
  if (at < 0 || body.length < at + mark.length + 8) return 'altered';
  const number = body.readUInt32BE(at + mark.length);
  const expected = kind === 'audio' ? audioFrame(number) : videoFrame(number);
  return body.equals(expected) ? { number } : 'altered';
}

function seal(head: Buffer, number: number, totalBytes: number): Buffer {
  const body = Buffer.alloc(totalBytes, (number * 31 + 7) & 0xff);
  head.copy(body);
  mark.copy(body, head.length);
  body.writeUInt32BE(number, head.length + mark.length);
  body.writeUInt32BE(crc32(body.subarray(0, -4)), totalBytes - 4);
  return body;
}
