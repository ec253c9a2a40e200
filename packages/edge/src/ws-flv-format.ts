// FLV in WebSocket binary frames. A server's frames are not masked, so they are equal for all viewers, and the frame's
// header is part of the shared batch (RFC 6455 section 5.2).
import { flvFormat, type StreamFormat } from '@headwater/media';

const binaryFrame = 0x82;

/** One WebSocket message for each batch of FLV tags. */
export const wsFlvFormat: StreamFormat = {
  id: 'ws-flv',
  preamble: (tracks) => wrap(flvFormat.preamble(tracks)),
  encode: (frames) => wrap(flvFormat.encode(frames)),
};

function wrap(payload: Buffer): Buffer {
  if (payload.length === 0) return payload;
  const header = frameHeader(payload.length);
  const framed = Buffer.allocUnsafeSlow(header.length + payload.length);
  header.copy(framed);
  payload.copy(framed, header.length);
  return framed;
}

function frameHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([binaryFrame, length]);
  if (length < 0x10000) return Buffer.from([binaryFrame, 126, length >> 8, length & 0xff]);
  const header = Buffer.alloc(10);
  header[0] = binaryFrame;
  header[1] = 127;
  header.writeUIntBE(length, 4, 6);
  return header;
}
