// The client's side of handshake and commands, for viewers and the publisher of the load generator. It sends each
// step as soon as the answer to the one before is there, in one write, as ffmpeg does.
import { randomBytes } from 'node:crypto';
import { encodeAmf0 } from '../wire/amf0-command.ts';
import { encodeMessage } from '../wire/chunk-writer.ts';
import { RtmpScanner } from '../wire/rtmp-scanner.ts';
import { AUDIO, ScanError, VIDEO, type MediaListener } from '../wire/media-listener.ts';
import type { SyntheticMessage } from './synthetic-stream.ts';

const HANDSHAKE_BYTES = 1536;
const OUT_CHUNK_BYTES = 60_000;
const DEFAULT_CHUNK_BYTES = 128;
const COMMAND = 20;
const SET_CHUNK_SIZE = 1;
const ACKNOWLEDGEMENT = 3;
const USER_CONTROL = 4;
const WINDOW_SIZE = 5;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;
const CONNECT = 1;
const CREATE_STREAM = 2;

/** What the client wants of the server. */
export interface DialogueGoal {
  readonly action: 'play' | 'publish';
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** Stream name, with its query. */
  readonly name: string;
}

/** Where the dialogue writes and what it reports. */
export interface DialoguePort {
  write(bytes: Buffer): void;
  /** The server said Publish.Start or Play.Start on this message stream. */
  started(messageStreamId: number): void;
  /** The server refused; `code` is what it said. */
  refused(code: string): void;
}

const helloBytes = Buffer.concat([
  Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0]),
  randomBytes(HANDSHAKE_BYTES - 8),
]);

/** One connection's dialogue; media messages pass through to the listener. */
export class RtmpDialogue implements MediaListener {
  readonly #goal: DialogueGoal;
  readonly #port: DialoguePort;
  readonly #media: MediaListener;
  readonly #scanner: RtmpScanner;
  #handshake: Buffer | undefined = Buffer.alloc(1 + 2 * HANDSHAKE_BYTES);
  #handshakeBytes = 0;
  #messageStreamId = 0;
  #windowBytes = 0;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;

  constructor(goal: DialogueGoal, port: DialoguePort, media: MediaListener) {
    this.#goal = goal;
    this.#port = port;
    this.#media = media;
    this.#scanner = new RtmpScanner(this);
  }

  /** To be called once connected. */
  open(): void {
    this.#port.write(helloBytes);
  }

  /** Takes what arrived: `bytes[0, length)`. */
  read(bytes: Buffer, length: number): void {
    const at = this.#handshake === undefined ? 0 : this.#readHandshake(this.#handshake, bytes, length);
    if (at < length) this.#scanner.scan(bytes, at, length);
    this.#receivedBytes += length;
    if (this.#windowBytes > 0 && this.#receivedBytes - this.#acknowledgedBytes >= this.#windowBytes) {
      this.#acknowledgedBytes = this.#receivedBytes;
      this.#port.write(controlMessage(ACKNOWLEDGEMENT, this.#receivedBytes));
    }
  }

  messageBegan(type: number, head: Buffer): void {
    this.#media.messageBegan(type, head);
  }

  messageEnded(type: number, lengthBytes: number, head: Buffer): void {
    if (type === COMMAND) this.#answered(head.subarray(0, lengthBytes));
    else if (type === USER_CONTROL) this.#userControl(lengthBytes, head);
    else if (type === WINDOW_SIZE && lengthBytes >= 4) this.#windowBytes = head.readUInt32BE(0);
    this.#media.messageEnded(type, lengthBytes, head);
  }

  #readHandshake(handshake: Buffer, bytes: Buffer, length: number): number {
    const take = Math.min(handshake.length - this.#handshakeBytes, length);
    bytes.copy(handshake, this.#handshakeBytes, 0, take);
    this.#handshakeBytes += take;
    if (this.#handshakeBytes < handshake.length) return take;
    if (handshake[0] !== 3) throw new ScanError('not an RTMP handshake');
    this.#handshake = undefined;
    const echo = Buffer.from(handshake.subarray(1, 1 + HANDSHAKE_BYTES));
    this.#port.write(Buffer.concat([echo, this.#connectBytes()]));
    return take;
  }

  #connectBytes(): Buffer {
    const { action, host, port, app } = this.#goal;
    const payload = encodeAmf0('connect', CONNECT, {
      app,
      type: 'nonprivate',
      flashVer: action === 'publish' ? 'FMLE/3.0 (compatible; bench)' : 'LNX 9,0,124,2',
      tcUrl: `rtmp://${host}:${String(port)}/${app}`,
    });
    return command(payload, 0, DEFAULT_CHUNK_BYTES);
  }

  /** A command has arrived; `head` holds its first bytes, read as Latin-1 because only ASCII is looked for. */
  #answered(head: Buffer): void {
    const text = head.toString('latin1');
    if (text.includes('onStatus')) {
      if (text.includes('\x02\x00\x05error')) this.#port.refused(codeIn(text));
      else if (text.includes('Play.Start') || text.includes('Publish.Start')) {
        this.#port.started(this.#messageStreamId);
      }
      return;
    }
    const isError = text.startsWith('\x02\x00\x06_error');
    if (!isError && !text.startsWith('\x02\x00\x07_result')) return;
    const valuesAt = isError ? 9 : 10;
    if (head.length < valuesAt + 9) throw new ScanError('answer without a transaction');
    const transaction = head.readDoubleBE(valuesAt + 1);
    if (transaction > CREATE_STREAM) return;
    if (isError) this.#port.refused(codeIn(text));
    else if (transaction === CONNECT) this.#port.write(this.#createStreamBytes());
    else this.#port.write(this.#startBytes(streamIdIn(head)));
  }

  #createStreamBytes(): Buffer {
    const create = encodeAmf0('createStream', CREATE_STREAM, null);
    if (this.#goal.action === 'play') {
      return Buffer.concat([controlMessage(WINDOW_SIZE, 2_500_000), command(create, 0, DEFAULT_CHUNK_BYTES)]);
    }
    const before = [
      encodeAmf0('releaseStream', 3, null, this.#goal.name),
      encodeAmf0('FCPublish', 4, null, this.#goal.name),
      create,
    ].map((payload) => command(payload, 0, OUT_CHUNK_BYTES));
    return Buffer.concat([controlMessage(SET_CHUNK_SIZE, OUT_CHUNK_BYTES), ...before]);
  }

  #startBytes(messageStreamId: number): Buffer {
    const { action, name } = this.#goal;
    this.#messageStreamId = messageStreamId;
    if (action === 'publish') {
      return command(encodeAmf0('publish', 5, null, name, 'live'), messageStreamId, OUT_CHUNK_BYTES);
    }
    return command(encodeAmf0('play', 5, null, name, -2000), messageStreamId, DEFAULT_CHUNK_BYTES);
  }

  #userControl(lengthBytes: number, head: Buffer): void {
    if (lengthBytes < 6 || head.readUInt16BE(0) !== PING_REQUEST) return;
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(PING_RESPONSE, 0);
    head.copy(payload, 2, 2, 6);
    this.#port.write(control(USER_CONTROL, payload));
  }
}

/** A media or data message of a publisher whose stream has started. */
export function encodeMedia(messageStreamId: number, message: SyntheticMessage): Buffer {
  const chunkStreamId = message.type === AUDIO ? 4 : message.type === VIDEO ? 6 : 5;
  return encodeMessage({ chunkStreamId, messageStreamId, ...message }, OUT_CHUNK_BYTES);
}

function codeIn(text: string): string {
  return /Net[A-Z][A-Za-z.]+/.exec(text)?.[0] ?? 'an error without a code';
}

/** The id in `_result(transaction, null, id)`. */
function streamIdIn(head: Buffer): number {
  if (head.length < 29) throw new ScanError('createStream was answered without an id');
  return head.readDoubleBE(21);
}

function command(payload: Buffer, messageStreamId: number, chunkBytes: number): Buffer {
  return encodeMessage(
    { chunkStreamId: 3, type: COMMAND, messageStreamId, timestampMs: 0, payload },
    chunkBytes,
  );
}

function controlMessage(type: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value % 2 ** 32, 0);
  return control(type, payload);
}

function control(type: number, payload: Buffer): Buffer {
  return encodeMessage(
    { chunkStreamId: 2, type, messageStreamId: 0, timestampMs: 0, payload },
    DEFAULT_CHUNK_BYTES,
  );
}
