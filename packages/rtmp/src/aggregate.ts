// Aggregate messages (RTMP 1.0 §7.1.6): FLV tags, each with its back pointer, in one message. The times of the tags
// count from anywhere; the first of them is the time of the aggregate.
import { ProtocolError } from '@headwater/contracts';
import { keptBytes } from '@headwater/media';
import { messageType, type RtmpMessage } from './message.ts';

const headerBytes = 11;
const backPointerBytes = 4;

/**
 * Calls `onMessage` for every message inside, in order; each keeps only little of the aggregate alive. An aggregate inside
 * is left out. Throws `ProtocolError` where one ends beyond the aggregate, when those before it were handed on.
 */
export function splitAggregate(aggregate: RtmpMessage, onMessage: (message: RtmpMessage) => void): void {
  const { payload } = aggregate;
  let baseMs: number | undefined;
  let offset = 0;
  while (offset < payload.length) {
    if (payload.length - offset < headerBytes) throw new ProtocolError('aggregate header is cut', offset);
    const typeId = payload.readUInt8(offset);
    const start = offset + headerBytes;
    const end = start + payload.readUIntBE(offset + 1, 3);
    if (end > payload.length) throw new ProtocolError('message ends beyond its aggregate', offset);
    // As in FLV the fourth byte is the high one.
    const timestamp = payload.readUIntBE(offset + 4, 3) + payload.readUInt8(offset + 7) * 0x1000000;
    baseMs ??= timestamp;
    if (typeId !== messageType.aggregate) {
      const timestampMs = Math.max(0, aggregate.timestampMs + ((timestamp - baseMs) | 0));
      onMessage({ ...aggregate, typeId, timestampMs, payload: keptBytes(payload.subarray(start, end)) });
    }
    // The back pointer says nothing new, and some senders leave out the last.
    offset = end + backPointerBytes;
  }
}
