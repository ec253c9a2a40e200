// Each video frame of the synthetic stream carries its number and the moment it was sent, in an SEI message (H.264
// D.2.7, user data unregistered) before its slice. The values are written in 7-bit groups with the high bit set, so
// that no start code can appear in them.

const TIME_GROUPS = 8;
const INDEX_GROUPS = 5;
const UUID = Buffer.from('a39cd1f4e7b24c8e9fd0b5c6e1a78d93', 'hex');
const SEI_NAL_HEADER = 6;
const SEI_USER_DATA = 5;
/** FLV video tag header with composition time, NAL unit length, NAL header, SEI type and size, UUID. */
const TIME_AT = 5 + 4 + 1 + 2 + 16;
const INDEX_AT = TIME_AT + TIME_GROUPS;

/** Length of the SEI NAL unit, without its length field. */
export const STAMP_NAL_BYTES = 1 + 2 + 16 + TIME_GROUPS + INDEX_GROUPS + 1;

/** How many bytes of a video payload must be at hand to read its stamp. */
export const STAMP_END = INDEX_AT + INDEX_GROUPS;

/** Writes the SEI NAL unit with an empty stamp at `at`; returns where it ends. */
export function writeStampNal(payload: Buffer, at: number): number {
  payload.writeUInt32BE(STAMP_NAL_BYTES, at);
  payload.set([SEI_NAL_HEADER, SEI_USER_DATA, 16 + TIME_GROUPS + INDEX_GROUPS], at + 4);
  payload.set(UUID, at + 7);
  payload.fill(0x80, at + 23, at + 23 + TIME_GROUPS + INDEX_GROUPS);
  const end = at + 4 + STAMP_NAL_BYTES;
  payload.writeUInt8(0x80, end - 1);
  return end;
}

/** Puts time and frame number into a video payload made with `writeStampNal` right after the tag header. */
export function stampFrame(payload: Buffer, sentUs: number, frameIndex: number): void {
  writeGroups(payload, TIME_AT, TIME_GROUPS, Math.round(sentUs));
  writeGroups(payload, INDEX_AT, INDEX_GROUPS, frameIndex);
}

/** When the frame was sent, in microseconds of the monotonic clock. */
export function readSentUs(payload: Buffer): number {
  return readGroups(payload, TIME_AT, TIME_GROUPS);
}

/** The frame's number within its stream, from 0. */
export function readFrameIndex(payload: Buffer): number {
  return readGroups(payload, INDEX_AT, INDEX_GROUPS);
}

function writeGroups(payload: Buffer, at: number, groups: number, value: number): void {
  let rest = value;
  for (let position = at + groups - 1; position >= at; position -= 1) {
    payload[position] = 0x80 | (rest % 128);
    rest = Math.floor(rest / 128);
  }
}

function readGroups(payload: Buffer, at: number, groups: number): number {
  let value = 0;
  for (let position = at; position < at + groups; position += 1) {
    value = value * 128 + ((payload[position] ?? 0) & 0x7f);
  }
  return value;
}
