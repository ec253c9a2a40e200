import type { AmfValue } from '../amf-value.ts';
import { encodeAmf0 } from '../amf0-encode.ts';
import { encodeControlMessage, type ControlMessage } from '../control-message.ts';
import { handshakeBytes } from '../handshake.ts';
import { messageType } from '../message.ts';
import { ChunkStreamEncoder, type FirstChunkFormat } from './chunk-stream-encoder.ts';

/** How one message is put into chunks. */
export interface Framing {
  /** Header format of the first chunk; 1 leaves out the message stream id. Default: 0. */
  readonly format?: FirstChunkFormat;
  /** Default: 3, or 2 for controls. */
  readonly chunkStreamId?: number;
  /** Default: 0. */
  readonly messageStreamId?: number;
  readonly timestampMs?: number;
}

/** A command to be framed. */
export interface Call extends Framing {
  readonly name: string;
  readonly transactionId?: AmfValue;
  readonly args?: readonly AmfValue[];
  /** Sends it as type 17 with its format byte. */
  readonly isAmf3?: boolean;
}

/** Collects what a client sends. The same message can be framed in many ways, and clients differ in just that. */
export class ClientBytes {
  readonly #parts: Buffer[] = [];
  readonly #encoder = new ChunkStreamEncoder();

  /** All that was collected since the last call of this. */
  take(): Buffer {
    return Buffer.concat(this.#parts.splice(0));
  }

  /** C0, C1 and C2 of a simple handshake, in one piece. */
  handshake(): this {
    const bytes = Buffer.alloc(handshakeBytes, 0x55);
    bytes[0] = 3;
    bytes.fill(0, 1, 9);
    return this.raw(bytes);
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  call({ name, transactionId = 0, args = [null], isAmf3 = false, ...framing }: Call): this {
    const body = encodeAmf0(name, transactionId, ...args);
    const payload = isAmf3 ? Buffer.concat([Buffer.of(0), body]) : body;
    return this.message(isAmf3 ? messageType.commandAmf3 : messageType.commandAmf0, payload, framing);
  }

  /** A `connect` with the given properties besides an app. */
  connect(properties: Readonly<Record<string, AmfValue>> = {}): this {
    const all = new Map(Object.entries({ app: 'live', tcUrl: 'rtmp://host/live', ...properties }));
    return this.call({ name: 'connect', transactionId: 1, args: [all] });
  }

  control(control: ControlMessage, framing: Framing = {}): this {
    const { typeId, payload } = encodeControlMessage(control);
    this.message(typeId, payload, { chunkStreamId: 2, ...framing });
    if (control.kind === 'setChunkSize') this.#encoder.setChunkSize(control.chunkSize);
    return this;
  }

  media(kind: 'audio' | 'video' | 'data', timestampMs: number, payload: Buffer, messageStreamId = 1): this {
    const typeId = { audio: messageType.audio, video: messageType.video, data: messageType.dataAmf0 }[kind];
    return this.message(typeId, payload, { chunkStreamId: 4, messageStreamId, timestampMs });
  }

  message(typeId: number, payload: Buffer, framing: Framing = {}): this {
    const { format = 0, chunkStreamId = 3, messageStreamId = 0, timestampMs = 0 } = framing;
    const message = { chunkStreamId, typeId, messageStreamId, timestampMs, payload };
    return this.raw(this.#encoder.encode(message, format));
  }
}
