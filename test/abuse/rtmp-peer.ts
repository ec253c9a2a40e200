// A client that can behave: handshake, connect, createStream, publish, play. Attacks start from it and then misbehave.
import { type Address, elapsed, type OpenOptions, RawConnection } from './raw-connection.ts';
import {
  amf,
  commandPayload,
  message,
  type Message,
  messageType,
  setChunkSize,
  userControl,
} from './rtmp-bytes.ts';
import { type ReceivedMessage, RtmpReader } from './rtmp-reader.ts';

/** C0 and a simple C1. */
export const c0c1: Buffer = Buffer.concat([Buffer.from([3]), Buffer.alloc(8), Buffer.alloc(1528, 0x5a)]);

/** Any C2: servers must not look at it. */
export const c2: Buffer = Buffer.alloc(1536, 0x2a);

/** Chunk size that the peer announces at connect. */
export const peerChunkSize = 65_536;

const handshakeBytes = 3073;
const keptMessages = 4096;
const pingRequest = 6;
const pingResponse = 7;

/** The usual command object of connect. */
export function connectObject(app: string, tcUrl = `rtmp://localhost/${app}`): Buffer {
  return amf.object({
    app: amf.string(app),
    type: amf.string('nonprivate'),
    flashVer: amf.string('FMLE/3.0 (compatible; abuse)'),
    tcUrl: amf.string(tcUrl),
  });
}

/** An RTMP client over a raw connection. Answers other than media are kept, media is counted and handed on. */
export class RtmpPeer {
  readonly connection: RawConnection;
  /** Answers that are not audio or video, the first few thousand. */
  readonly answers: ReceivedMessage[] = [];
  /** Audio and video messages received. */
  mediaCount = 0;
  onMedia: ((message: ReceivedMessage) => void) | undefined;
  chunkSize = 128;
  #waiters = new Set<() => void>();
  #handshakeReceived = 0;
  readonly #reader: RtmpReader;

  private constructor(connection: RawConnection) {
    this.connection = connection;
    this.#reader = new RtmpReader((received) => this.#take(received));
    connection.onData = (bytes) => this.#data(bytes);
    void connection.closed.then(() => this.#wake());
  }

  /** Connects and shakes hands. Rejects when the server does not answer the handshake within 5 s. */
  static async open(address: Address, options: OpenOptions = {}): Promise<RtmpPeer> {
    const peer = new RtmpPeer(await RawConnection.open(address, options));
    void peer.connection.send(c0c1);
    const isAnswered = await peer.until(() => peer.#handshakeReceived >= handshakeBytes, 5000);
    if (!isAnswered) throw new Error('no answer to the handshake');
    void peer.connection.send(c2);
    return peer;
  }

  /** Sends connect and waits for its _result; false when none comes. */
  async connect(app: string, object: Buffer = connectObject(app)): Promise<boolean> {
    void this.connection.send(setChunkSize(peerChunkSize));
    this.chunkSize = peerChunkSize;
    void this.command('connect', 1, object);
    return this.answered('NetConnection.Connect.Success');
  }

  /** Creates a stream and returns its id; undefined when the server does not answer with one. */
  async createStream(transactionId = 2): Promise<number | undefined> {
    const before = this.answers.length;
    void this.command('createStream', transactionId, amf.null);
    const find = (): ReceivedMessage | undefined =>
      this.answers.slice(before).find((answer) => answer.payload.includes('_result'));
    await this.until(() => find() !== undefined, 5000);
    return find()?.payload.readDoubleBE(find()!.payload.length - 8);
  }

  /** connect, createStream, publish; true once Publish.Start has come. */
  async publish(app: string, name: string): Promise<boolean> {
    if (!(await this.connect(app))) return false;
    const msid = await this.createStream();
    if (msid === undefined) return false;
    void this.command('publish', 3, amf.null, amf.string(name), amf.string('live'), { msid });
    return this.answered('NetStream.Publish.Start');
  }

  /** connect, createStream, play; true once Play.Start has come. */
  async play(app: string, name: string): Promise<boolean> {
    if (!(await this.connect(app))) return false;
    const msid = await this.createStream();
    if (msid === undefined) return false;
    void this.command('play', 4, amf.null, amf.string(name), { msid });
    return this.answered('NetStream.Play.Start', 15_000);
  }

  /** Sends a command; a last argument that is no Buffer overrides header fields. */
  async command(
    name: string,
    transactionId: number,
    ...rest: (Buffer | Partial<Message>)[]
  ): Promise<boolean> {
    const values = rest.filter((value): value is Buffer => Buffer.isBuffer(value));
    const header = rest.find((value): value is Partial<Message> => !Buffer.isBuffer(value)) ?? {};
    return this.send({
      type: messageType.command,
      payload: commandPayload(name, transactionId, ...values),
      ...header,
    });
  }

  /** Sends one message in this peer's chunk size. */
  async send(options: Message): Promise<boolean> {
    return this.connection.send(message({ chunkSize: this.chunkSize, ...options }));
  }

  /** True when an answer containing the text (a status code) has come or comes in time. */
  async answered(text: string, withinMs = 5000): Promise<boolean> {
    return this.until(() => this.answers.some((answer) => answer.payload.includes(text)), withinMs);
  }

  /** Waits for a condition on what was received; false when it stays false, or the connection closes first. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!condition()) {
      const remaining = deadline - performance.now();
      if (remaining <= 0 || this.connection.isClosed) return condition();
      const woken = new Promise<void>((resolve) => this.#waiters.add(resolve));
      await Promise.race([woken, elapsed(remaining)]);
    }
    return true;
  }

  #data(bytes: Buffer): void {
    const shaking = Math.min(bytes.length, handshakeBytes - this.#handshakeReceived);
    this.#handshakeReceived += shaking;
    if (bytes.length > shaking) this.#reader.push(bytes.subarray(shaking));
    this.#wake();
  }

  #take(received: ReceivedMessage): void {
    if (received.type === messageType.audio || received.type === messageType.video) {
      this.mediaCount += 1;
      this.onMedia?.(received);
    } else if (this.answers.length < keptMessages) {
      this.answers.push(received);
    }
    if (isPing(received)) void this.connection.send(userControl(pingResponse, received.payload.subarray(2)));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const wake of waiters) wake();
  }
}

function isPing({ type, payload }: ReceivedMessage): boolean {
  return type === messageType.userControl && payload.length >= 6 && payload.readUInt16BE(0) === pingRequest;
}
