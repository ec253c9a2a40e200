// The messages of a pull, `PullItem` in proto/relay.proto. Frames are written and read by hand, without a copy more than
// needed; the small items go through the generated code.
import { isCloseReason, ProtocolError, type CloseReason } from '@headwater/contracts';
import type { Frame } from '@headwater/media';
import { frameEnd, packedBytes, packFrames, unpackFrames } from './frame-packing.ts';
import { Ended, Opened, PullItem as PullItemMessage, StateChange, StreamState } from './generated/relay.ts';
import { readFields, varintBytes, writeVarint, type Field } from './protobuf-fields.ts';
import type { OpenedInfo, PulledState } from './pull.ts';

/** One message of a pull. `epoch` of frames is there when their sender says it. */
export type PullItem =
  | { readonly type: 'opened'; readonly info: OpenedInfo }
  | { readonly type: 'frames'; readonly epoch: number | undefined; readonly frames: readonly Frame[] }
  | { readonly type: 'state'; readonly state: PulledState }
  | { readonly type: 'ended'; readonly reason: CloseReason };

// Tags: field number << 3 | 2 (length-delimited), or | 0 (varint).
const framesTag = (2 << 3) | 2;
const epochTag = 1 << 3;
const packedTag = (2 << 3) | 2;

/** One message with all the frames, in one exact allocation; an empty Buffer for no frames. */
export function encodeFramesItem(frames: readonly Frame[], epoch?: number): Buffer {
  if (frames.length === 0) return Buffer.alloc(0);
  const bytes = packedBytes(frames);
  const head = framesItemHead(bytes, epoch);
  const item = Buffer.allocUnsafeSlow(head.length + bytes);
  head.copy(item);
  packFrames(frames, item, head.length);
  return item;
}

/** The message that opens a pull. */
export function encodeOpenedItem(info: OpenedInfo): Buffer {
  const { epoch, firstSequence, resumed } = info;
  const value: Opened = { epoch, firstSequence, resumed, state: stateCodes[info.state] };
  return finish({ item: { $case: 'opened', value } });
}

/** The message of a change of state. */
export function encodeStateItem(state: PulledState): Buffer {
  return finish({ item: { $case: 'state', value: { state: stateCodes[state] } } });
}

/** The message of the stream's end. */
export function encodeEndedItem(reason: CloseReason): Buffer {
  return finish({ item: { $case: 'ended', value: { reason } } });
}

/**
 * Reads a message. Undefined for an item of a later version that this one does not know. Payloads are views of `bytes`,
 * see `unpackFrames`. Throws `ProtocolError`.
 */
export function decodePullItem(bytes: Buffer): PullItem | undefined {
  let item: PullItem | undefined;
  for (const field of readFields(bytes)) {
    if (field.number < 1 || field.number > 4) continue;
    if (field.bytes === undefined) throw new ProtocolError('item is not a message', field.offset);
    item = decodeItem(field.number, field.bytes, field.offset);
  }
  return item;
}

/**
 * Cuts a message with frames into messages of at most `limitBytes` of frames, or one frame where that is bigger.
 * Returns the message itself when it is small enough or carries something else.
 */
export function splitFramesItem(bytes: Buffer, limitBytes: number): readonly Buffer[] {
  if (bytes.length <= limitBytes || bytes[0] !== framesTag) return [bytes];
  const { packed, epoch } = readFramesMessage(bytes);
  const pieces: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < packed.length;) {
    const end = frameEnd(packed, at);
    if (end - start > limitBytes && at > start) {
      pieces.push(wrapPacked(packed.subarray(start, at), epoch));
      start = at;
    }
    at = end;
  }
  pieces.push(wrapPacked(packed.subarray(start), epoch));
  return pieces;
}

const stateCodes: Readonly<Record<PulledState, StreamState>> = {
  live: StreamState.LIVE,
  interrupted: StreamState.INTERRUPTED,
};

function decodeItem(number: number, bytes: Buffer, offset: number): PullItem {
  if (number === 2) return decodeFrames(bytes, offset);
  try {
    if (number === 1) return { type: 'opened', info: openedInfo(Opened.decode(bytes)) };
    if (number === 3) return { type: 'state', state: pulledState(StateChange.decode(bytes).state) };
    return { type: 'ended', reason: closeReason(Ended.decode(bytes).reason) };
  } catch (cause) {
    throw new ProtocolError('item cannot be read', offset, { reason: String(cause) });
  }
}

function decodeFrames(bytes: Buffer, offset: number): PullItem {
  let epoch: number | undefined;
  let frames: readonly Frame[] = [];
  for (const field of readFields(bytes, offset)) {
    if (field.number === 1) epoch = checkedEpoch(field);
    else if (field.number === 2 && field.bytes !== undefined) {
      frames = unpackFrames(field.bytes, field.offset);
    }
  }
  return { type: 'frames', epoch, frames };
}

function checkedEpoch(field: Field): number {
  if (field.value !== undefined && Number.isSafeInteger(field.value)) return field.value;
  throw new ProtocolError('epoch is not a number of 53 bits', field.offset);
}

function openedInfo(message: Opened): OpenedInfo {
  const { epoch, firstSequence, resumed } = message;
  return { epoch, firstSequence, resumed, state: pulledState(message.state) };
}

function pulledState(state: StreamState): PulledState {
  return state === StreamState.INTERRUPTED ? 'interrupted' : 'live';
}

// A node of a later version may have reasons that this one does not know; the stream is over all the same.
function closeReason(text: string): CloseReason {
  return isCloseReason(text) ? text : 'stream_ended';
}

function readFramesMessage(item: Buffer): { packed: Buffer; epoch: number | undefined } {
  let packed: Buffer = Buffer.alloc(0);
  let epoch: number | undefined;
  for (const outer of readFields(item)) {
    if (outer.number !== 2 || outer.bytes === undefined) continue;
    for (const inner of readFields(outer.bytes, outer.offset)) {
      if (inner.number === 1) epoch = inner.value;
      else if (inner.number === 2 && inner.bytes !== undefined) packed = inner.bytes;
    }
  }
  return { packed, epoch };
}

function wrapPacked(packed: Buffer, epoch: number | undefined): Buffer {
  const head = framesItemHead(packed.length, epoch);
  return Buffer.concat([head, packed], head.length + packed.length);
}

function framesItemHead(packedLength: number, epoch: number | undefined): Buffer {
  const epochBytes = epoch === undefined ? 0 : 1 + varintBytes(epoch);
  const innerLength = epochBytes + 1 + varintBytes(packedLength) + packedLength;
  const head = Buffer.alloc(1 + varintBytes(innerLength) + innerLength - packedLength);
  let at = writeVarint(head, framesTag, 0);
  at = writeVarint(head, innerLength, at);
  if (epoch !== undefined) at = writeVarint(head, epoch, writeVarint(head, epochTag, at));
  writeVarint(head, packedLength, writeVarint(head, packedTag, at));
  return head;
}

function finish(message: PullItemMessage): Buffer {
  return Buffer.from(PullItemMessage.encode(message).finish());
}
