import type { RtmpMessage } from './message.ts';

/** Protocol control and user control messages (RTMP 1.0 §5.4, §6.2, §7.1.7) in one union. */
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

/** How Set Peer Bandwidth is meant. */
export type PeerBandwidthLimit = 'hard' | 'soft' | 'dynamic';

/** The message of a control: chunk stream 2, message stream 0, time 0. */
export function encodeControlMessage(control: ControlMessage): RtmpMessage {
  void control;
  throw new Error('not implemented');
}

/** Undefined for messages of other types, unknown events, and payloads shorter than their fields. */
export function decodeControlMessage(message: RtmpMessage): ControlMessage | undefined {
  void message;
  throw new Error('not implemented');
}
