// Builds RTMP bytes by hand, right or deliberately wrong ones, without any code of the server under attack: a fault
// in its own encoder must not hide a fault in its decoder. RTMP 1.0 §5.3 (chunks) and the AMF0 specification.

/** Message type ids (RTMP 1.0 §5.4, §6.1, §7.1). */
export const messageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  peerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const;

/** What a chunk's header says; nothing is checked, a lie is written as it is. */
export interface ChunkHeader {
  readonly fmt?: 0 | 1 | 2 | 3;
  readonly csid?: number;
  /** Basic header length; the shortest that fits when absent. */
  readonly basicBytes?: 1 | 2 | 3;
  /** Absolute for fmt 0, delta for fmt 1 and 2. */
  readonly timestamp?: number;
  readonly length?: number;
  readonly type?: number;
  readonly msid?: number;
}

/** One chunk header. An extended timestamp follows where the timestamp needs it. */
export function chunkHeader(header: ChunkHeader): Buffer {
  const fmt = header.fmt ?? 0;
  const timestamp = header.timestamp ?? 0;
  const isExtended = fmt < 3 && timestamp >= 0xffffff;
  const parts: Buffer[] = [basicHeader(fmt, header.csid ?? 3, header.basicBytes)];
  if (fmt < 3) parts.push(uint24(isExtended ? 0xffffff : timestamp));
  if (fmt < 2) parts.push(uint24(header.length ?? 0), Buffer.from([header.type ?? 0]));
  if (fmt === 0) parts.push(uint32LittleEndian(header.msid ?? 0));
  if (isExtended) parts.push(uint32(timestamp));
  return Buffer.concat(parts);
}

/** A message to be cut into chunks. `length` may differ from the payload's. */
export interface Message extends ChunkHeader {
  readonly type: number;
  readonly payload: Buffer;
  readonly chunkSize?: number;
}

/** A whole message: one header and as many fmt 3 continuations as the chunk size asks for. */
export function message(options: Message): Buffer {
  const { payload, chunkSize = 128, timestamp = 0 } = options;
  const csid = options.csid ?? defaultCsid(options.type);
  const parts = [chunkHeader({ length: payload.length, ...options, csid }), payload.subarray(0, chunkSize)];
  for (let offset = chunkSize; offset < payload.length; offset += chunkSize) {
    parts.push(chunkHeader({ fmt: 3, csid, ...basicBytesOf(options) }));
    if (timestamp >= 0xffffff) parts.push(uint32(timestamp));
    parts.push(payload.subarray(offset, offset + chunkSize));
  }
  return Buffer.concat(parts);
}

/** A protocol control message on chunk stream 2, message stream 0. */
export function control(type: number, payload: Buffer): Buffer {
  return message({ type, payload, csid: 2 });
}

/** Set Chunk Size as the peer would say it. */
export function setChunkSize(size: number): Buffer {
  return control(messageType.setChunkSize, uint32(size));
}

/** A user control message: event type and its data. */
export function userControl(event: number, data: Buffer): Buffer {
  return control(messageType.userControl, Buffer.concat([uint16(event), data]));
}

/** AMF0 command payload: name, transaction id, then ready AMF0 values. */
export function commandPayload(name: string, transactionId: number, ...values: Buffer[]): Buffer {
  return Buffer.concat([amf.string(name), amf.number(transactionId), ...values]);
}

/** AMF0 values, each with its marker. */
export const amf = {
  number: (value: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  },
  boolean: (value: boolean): Buffer => Buffer.from([1, value ? 1 : 0]),
  string: (value: string): Buffer => Buffer.concat([Buffer.from([2]), amfKey(value)]),
  longString: (value: string): Buffer => {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from([12]), uint32(text.length), text]);
  },
  object: (properties: Readonly<Record<string, Buffer>>): Buffer =>
    Buffer.concat([Buffer.from([3]), ...pairs(properties), amfObjectEnd]),
  ecmaArray: (properties: Readonly<Record<string, Buffer>>, count = Object.keys(properties).length): Buffer =>
    Buffer.concat([Buffer.from([8]), uint32(count), ...pairs(properties), amfObjectEnd]),
  strictArray: (values: readonly Buffer[], count = values.length): Buffer =>
    Buffer.concat([Buffer.from([10]), uint32(count), ...values]),
  null: Buffer.from([5]),
  undefined: Buffer.from([6]),
} as const;

/** The three bytes that end an AMF0 object. */
export const amfObjectEnd: Buffer = Buffer.from([0, 0, 9]);

/** A property key: length in bytes and text, without a marker. Text over 65,535 bytes gets a wrapped length. */
export function amfKey(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint16(bytes.length & 0xffff), bytes]);
}

/** Big-endian integers of 2, 3 and 4 bytes. Values wrap, so that -1 is the largest. */
export function uint16(value: number): Buffer {
  return Buffer.from([(value >>> 8) & 0xff, value & 0xff]);
}

export function uint24(value: number): Buffer {
  return Buffer.from([(value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
}

export function uint32(value: number): Buffer {
  return Buffer.from([(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
}

function uint32LittleEndian(value: number): Buffer {
  return uint32(value).reverse();
}

function basicHeader(fmt: number, csid: number, bytes?: 1 | 2 | 3): Buffer {
  const length = bytes ?? (csid < 64 ? 1 : csid < 320 ? 2 : 3);
  if (length === 1) return Buffer.from([(fmt << 6) | csid]);
  if (length === 2) return Buffer.from([fmt << 6, (csid - 64) & 0xff]);
  return Buffer.from([(fmt << 6) | 1, (csid - 64) & 0xff, ((csid - 64) >> 8) & 0xff]);
}

function basicBytesOf(header: ChunkHeader): Pick<ChunkHeader, 'basicBytes'> {
  return header.basicBytes === undefined ? {} : { basicBytes: header.basicBytes };
}

function defaultCsid(type: number): number {
  if (type === messageType.audio) return 4;
  if (type === messageType.video) return 6;
  if (type === messageType.data) return 5;
  return type < messageType.audio ? 2 : 3;
}

function pairs(properties: Readonly<Record<string, Buffer>>): Buffer[] {
  return Object.entries(properties).map(([key, value]) => Buffer.concat([amfKey(key), value]));
}
