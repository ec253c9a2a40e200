import { silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { ChunkReader } from '../chunk-reader.ts';
import { decodeCommand, isCommandMessage, type Command } from '../commands.ts';
import { decodeControlMessage } from '../control-message.ts';
import { handshakeBytes } from '../handshake.ts';
import { defaultChunkReaderLimits } from '../limits.ts';
import type { RtmpMessage } from '../message.ts';
import type { RtmpServerLimits } from '../server-session-limits.ts';
import { RtmpServerSession } from '../server-session.ts';
import { findStatus, type RtmpStatus } from '../status.ts';
import { ClientBytes } from './client-bytes.ts';
import { RecordingDelegate } from './recording-delegate.ts';

/** A server session with a recording delegate, a clock moved by hand, and its output read back as messages. */
export class ServerHarness {
  readonly clock: ManualClock = new ManualClock();
  readonly delegate: RecordingDelegate = new RecordingDelegate();
  readonly client: ClientBytes = new ClientBytes();
  /** What the session wrote, write by write. */
  readonly writes: Buffer[] = [];
  readonly session: RtmpServerSession;
  /** What the transport claims not to have sent yet. */
  pendingBytes = 0;
  readonly #reader = new ChunkReader(defaultChunkReaderLimits, handshakeBytes);
  #readOffset = handshakeBytes;

  constructor(limits: Partial<RtmpServerLimits> = {}) {
    this.session = new RtmpServerSession({
      clock: this.clock,
      logger: silentLogger,
      delegate: this.delegate,
      output: (bytes) => this.writes.push(bytes),
      pendingBytes: () => this.pendingBytes,
      limits,
    });
  }

  /** A session that is connected, with message streams 1 to `streams`, and nothing left to be read. */
  static connected(options: { streams?: number; limits?: Partial<RtmpServerLimits> } = {}): ServerHarness {
    const harness = new ServerHarness(options.limits);
    harness.client.handshake().connect();
    for (let id = 1; id <= (options.streams ?? 1); id += 1) {
      harness.client.call({ name: 'createStream', transactionId: id + 1 });
    }
    harness.send();
    harness.messages();
    return harness;
  }

  /** A session that publishes `live/cam` on message stream 1. */
  static publishing(limits: Partial<RtmpServerLimits> = {}): ServerHarness {
    const harness = ServerHarness.connected({ limits });
    harness.delegate.isAccepting = true;
    harness.publish('cam');
    harness.messages();
    return harness;
  }

  /** A session that plays `live/cam` on message stream 1. */
  static playing(limits: Partial<RtmpServerLimits> = {}): ServerHarness {
    const harness = ServerHarness.connected({ limits });
    harness.delegate.isAccepting = true;
    harness.play('cam');
    harness.messages();
    return harness;
  }

  publish(name: string, messageStreamId = 1): void {
    this.client.call({ name: 'publish', transactionId: 9, args: [null, name, 'live'], messageStreamId });
    this.send();
  }

  play(name: string, messageStreamId = 1): void {
    this.client.call({ name: 'play', transactionId: 9, args: [null, name, -2000], messageStreamId });
    this.send();
  }

  /** Hands what the client collected to the session, in one piece. */
  send(): void {
    this.session.read(this.client.take());
  }

  /** The messages written since the last call of this. */
  messages(): RtmpMessage[] {
    const written = Buffer.concat(this.writes);
    const messages: RtmpMessage[] = [];
    if (written.length <= this.#readOffset) return messages;
    this.#reader.read(written.subarray(this.#readOffset), (message) => {
      messages.push(message);
      const control = decodeControlMessage(message);
      if (control?.kind === 'setChunkSize') this.#reader.setChunkSize(control.chunkSize);
    });
    this.#readOffset = written.length;
    return messages;
  }

  /** The same, one line each: what it is, its transaction or message stream, its code or value. */
  replies(): string[] {
    return this.messages().map(describeMessage);
  }
}

/** One line that says what a server's message means. */
export function describeMessage(message: RtmpMessage): string {
  if (isCommandMessage(message)) {
    const command = decodeCommand(message);
    return command === undefined ? 'unnamed command' : describeCommand(command, message.messageStreamId);
  }
  const control = decodeControlMessage(message);
  if (control === undefined) return `type ${message.typeId}`;
  const { kind, ...values } = control;
  return [kind, ...Object.values(values)].join(' ');
}

/** The status of a server's message, if it is one. */
export function statusOf(message: RtmpMessage | undefined): RtmpStatus | undefined {
  const command = message === undefined ? undefined : decodeCommand(message);
  return command === undefined ? undefined : findStatus(command.args);
}

function describeCommand({ name, transactionId, args }: Command, messageStreamId: number): string {
  const status = findStatus(args);
  const value = status?.code ?? args.filter((item) => typeof item === 'number').join(' ');
  const about = name === 'onStatus' ? `@${messageStreamId}` : String(transactionId);
  return [name, about, value].filter((text) => text !== '').join(' ');
}
