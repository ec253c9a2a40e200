// Protocol control messages and user control events (RTMP 1.0 §5.4, §6.2, §7.1.7). What is too short for its fields, or
// unknown, decodes to undefined: such messages are ignored.
import { chunkStreamId, messageType, type RtmpMessage } from './message.ts';

/** Every control message in one union. Numbers are unsigned 32-bit as on the wire. */
export type ControlMessage =
  | { readonly kind: 'setChunkSize'; readonly chunkSize: number }
  | { readonly kind: 'abort'; readonly chunkStreamId: number }
  | { readonly kind: 'acknowledgement'; readonly sequenceNumber: number }
  | { readonly kind: 'windowAckSize'; readonly windowBytes: number }
  | { readonly kind: 'setPeerBandwidth'; readonly windowBytes: number; readonly limit: PeerBandwidthLimit }
  | { readonly kind: StreamEventKind; readonly messageStreamId: number }
  | { readonly kind: 'setBufferLength'; readonly messageStreamId: number; readonly bufferMs: number }
  | { readonly kind: 'pingRequest' | 'pingResponse'; readonly timestamp: number };

/** User control events that name a message stream and nothing else. */
export type StreamEventKind =
  'streamBegin' | 'streamEof' | 'streamDry' | 'streamIsRecorded' | 'bufferEmpty' | 'bufferReady';

/** How Set Peer Bandwidth is meant (RTMP 1.0 §5.4.5). */
export type PeerBandwidthLimit = 'hard' | 'soft' | 'dynamic';

const peerBandwidthLimits = ['hard', 'soft', 'dynamic'] as const;

// The last two are not in the specification; Flash Media Server sends them.
const streamEventTypes: Readonly<Record<StreamEventKind, number>> = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  streamIsRecorded: 4,
  bufferEmpty: 31,
  bufferReady: 32,
};
const streamEventKinds = new Map(
  Object.entries(streamEventTypes).map(([kind, type]) => [type, kind as StreamEventKind]),
);
const setBufferLengthType = 3;
const pingRequestType = 6;
const pingResponseType = 7;

/** The message of a control: chunk stream 2, message stream 0, time 0. */
export function encodeControlMessage(control: ControlMessage): RtmpMessage {
  switch (control.kind) {
    case 'setChunkSize':
      return controlMessage(messageType.setChunkSize, uint32(control.chunkSize));
    case 'abort':
      return controlMessage(messageType.abort, uint32(control.chunkStreamId));
    case 'acknowledgement':
      return controlMessage(messageType.acknowledgement, uint32(control.sequenceNumber));
    case 'windowAckSize':
      return controlMessage(messageType.windowAckSize, uint32(control.windowBytes));
    case 'setPeerBandwidth': {
      const limit = Buffer.of(peerBandwidthLimits.indexOf(control.limit));
      return controlMessage(
        messageType.setPeerBandwidth,
        Buffer.concat([uint32(control.windowBytes), limit]),
      );
    }
    case 'setBufferLength':
      return userControl(setBufferLengthType, [control.messageStreamId, control.bufferMs]);
    case 'pingRequest':
      return userControl(pingRequestType, [control.timestamp]);
    case 'pingResponse':
      return userControl(pingResponseType, [control.timestamp]);
    default:
      return userControl(streamEventTypes[control.kind], [control.messageStreamId]);
  }
}

/** Undefined for messages of other types, unknown events, and payloads shorter than their fields. */
export function decodeControlMessage(message: RtmpMessage): ControlMessage | undefined {
  const { payload, typeId } = message;
  if (typeId === messageType.userControl) return decodeUserControl(payload);
  if (payload.length < 4) return undefined;
  const value = payload.readUInt32BE(0);
  switch (typeId) {
    case messageType.setChunkSize:
      return { kind: 'setChunkSize', chunkSize: value };
    case messageType.abort:
      return { kind: 'abort', chunkStreamId: value };
    case messageType.acknowledgement:
      return { kind: 'acknowledgement', sequenceNumber: value };
    case messageType.windowAckSize:
      return { kind: 'windowAckSize', windowBytes: value };
    case messageType.setPeerBandwidth:
      if (payload.length < 5) return undefined;
      return {
        kind: 'setPeerBandwidth',
        windowBytes: value,
        limit: peerBandwidthLimits[payload.readUInt8(4)] ?? 'dynamic',
      };
    default:
      return undefined;
  }
}

function decodeUserControl(payload: Buffer): ControlMessage | undefined {
  if (payload.length < 6) return undefined;
  const type = payload.readUInt16BE(0);
  const value = payload.readUInt32BE(2);
  if (type === pingRequestType) return { kind: 'pingRequest', timestamp: value };
  if (type === pingResponseType) return { kind: 'pingResponse', timestamp: value };
  if (type === setBufferLengthType) {
    if (payload.length < 10) return undefined;
    return { kind: 'setBufferLength', messageStreamId: value, bufferMs: payload.readUInt32BE(6) };
  }
  const kind = streamEventKinds.get(type);
  return kind === undefined ? undefined : { kind, messageStreamId: value };
}

function userControl(eventType: number, values: readonly number[]): RtmpMessage {
  const type = Buffer.of(eventType >>> 8, eventType & 0xff);
  return controlMessage(messageType.userControl, Buffer.concat([type, ...values.map(uint32)]));
}

function controlMessage(typeId: number, payload: Buffer): RtmpMessage {
  return { chunkStreamId: chunkStreamId.control, typeId, messageStreamId: 0, timestampMs: 0, payload };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
