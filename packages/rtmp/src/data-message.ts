// Data messages (RTMP 1.0 §7.1.2): onMetaData and whatever else an encoder sends in time with its media. They are
// relayed byte for byte, so that values of any type survive; only the wrapping meant for the server is taken off.
import { amfOffset } from './commands.ts';
import { AmfEcmaArray } from './amf-value.ts';
import { readAmf0String } from './amf0-decode.ts';
import { encodeAmf0 } from './amf0-encode.ts';
import { messageType, type RtmpMessage } from './message.ts';

/** The longest data message that is relayed. */
export const maxDataBytes: number = 1024 * 1024;

const emptyMetadata = encodeAmf0('onMetaData', new AmfEcmaArray());
const setDataFrame = encodeAmf0('@setDataFrame');

/** True for both types of data message. */
export function isDataMessage(message: RtmpMessage): boolean {
  return message.typeId === messageType.dataAmf0 || message.typeId === messageType.dataAmf3;
}

/**
 * The data as viewers get it: without `@setDataFrame`, all other bytes unchanged; `@clearDataFrame` becomes empty
 * metadata. Undefined for what does not begin with a name, or is longer than 1 MiB.
 */
export function unwrapData(message: RtmpMessage): Buffer | undefined {
  if (message.payload.length > maxDataBytes) return undefined;
  const body = message.payload.subarray(amfOffset(message));
  const name = readAmf0String(body);
  if (name === undefined) return undefined;
  if (name.value === '@clearDataFrame') return emptyMetadata;
  if (name.value !== '@setDataFrame') return body;
  const inner = body.subarray(name.end);
  return readAmf0String(inner) === undefined ? undefined : inner;
}

/** The data as a publisher sends it: metadata behind `@setDataFrame`, all else unchanged. */
export function wrapData(payload: Buffer): Buffer {
  return readAmf0String(payload)?.value === 'onMetaData' ? Buffer.concat([setDataFrame, payload]) : payload;
}
