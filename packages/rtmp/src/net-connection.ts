// The connected half of a server session: its message streams, and the commands on the connection and on them
// (RTMP 1.0 §7.2). What encoders and players send besides the specification is answered so that none of them waits.
import type { CloseReason } from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import type { AmfValue } from './amf-value.ts';
import type { Command } from './commands.ts';
import { letGoCall } from './forwarding.ts';
import { MessageStream } from './message-stream.ts';
import { statusObject } from './status.ts';
import type { StreamHost } from './stream-host.ts';

type ConnectionHandler = (connection: NetConnection, command: Command) => void;
type StreamHandler = (connection: NetConnection, stream: MessageStream, command: Command) => void;

/** Carries out a connected client's commands. Nothing a client does reaches beyond its own message streams. */
export class NetConnection {
  readonly #host: StreamHost;
  readonly #streams = new Map<number, MessageStream>();
  #lastStreamId = 0;
  #streamRequests = 0;

  constructor(host: StreamHost) {
    this.#host = host;
  }

  /** True while anything is published, played or asked for. */
  get isActive(): boolean {
    for (const stream of this.#streams.values()) if (stream.state !== 'idle') return true;
    return false;
  }

  /** All message streams, in the order of their creation. */
  get streams(): Iterable<MessageStream> {
    return this.#streams.values();
  }

  command(command: Command, messageStreamId: number): void {
    const connectionHandler = connectionCommands.get(command.name);
    const streamHandler = streamCommands.get(command.name);
    if (connectionHandler !== undefined) {
      connectionHandler(this, command);
    } else if (streamHandler === undefined) {
      this.fail(command, 'call is not known');
    } else {
      const stream = this.#streams.get(messageStreamId);
      if (stream !== undefined) streamHandler(this, stream, command);
      else this.refuse(command, 'message stream does not exist');
    }
  }

  /** Hands media to the publish on that message stream. */
  media(kind: FrameKind, messageStreamId: number, timestampMs: number, payload: Buffer): boolean {
    return this.#streams.get(messageStreamId)?.media(kind, timestampMs, payload) ?? false;
  }

  createStream(command: Command): void {
    if (this.#streams.size >= this.#host.limits.messageStreams) {
      this.refuse(command, 'too many message streams');
      return;
    }
    this.#lastStreamId += 1;
    this.#streams.set(this.#lastStreamId, new MessageStream(this.#lastStreamId, this.#host));
    this.reply(command, null, this.#lastStreamId);
  }

  deleteStream(messageStreamId: AmfValue): void {
    if (typeof messageStreamId !== 'number') return;
    this.#streams.get(messageStreamId)?.endByClient();
    this.#streams.delete(messageStreamId);
  }

  /** Ends this connection's publish of a name; that of any other connection is out of reach. */
  unpublish(command: Command): void {
    const name = textOf(command.args[1]).split('?', 1)[0];
    const description = name?.slice(0, 128) ?? '';
    const info = { level: 'status', code: 'NetStream.Unpublish.Success', description } as const;
    this.#host.output.command('onFCUnpublish', 0, [null, statusObject(info)]);
    this.reply(command, null);
    for (const stream of this.#streams.values()) if (stream.publishedName === name) stream.endByClient();
  }

  publish(stream: MessageStream, command: Command): void {
    const [, name] = command.args;
    if (name === false) stream.endByClient();
    else if (this.#countRequest()) stream.publish(textOf(name));
  }

  play(stream: MessageStream, command: Command): void {
    const [, name, , , reset] = command.args;
    if (name === false) stream.endByClient();
    else if (this.#countRequest()) {
      stream.play({ nameAndQuery: textOf(name), isReset: reset === true || Number(reset) > 0 });
    }
  }

  subscribe(command: Command): void {
    const description = textOf(command.args[1]).slice(0, 128);
    const info = { level: 'status', code: 'NetStream.Play.Start', description } as const;
    this.#host.output.command('onFCSubscribe', 0, [null, statusObject(info)]);
  }

  /** Answers when an answer was asked for. */
  reply(command: Command, ...args: readonly AmfValue[]): void {
    if (command.transactionId > 0) this.#host.output.command('_result', command.transactionId, args);
  }

  /** Says no when an answer was asked for. */
  fail(command: Command, description: string): void {
    if (command.transactionId <= 0) return;
    const info = statusObject({ level: 'error', code: 'NetConnection.Call.Failed', description });
    this.#host.output.command('_error', command.transactionId, [null, info]);
  }

  /** Says no to what no client in its right mind asks for; not for ever. */
  refuse(command: Command, description: string): void {
    this.fail(command, description);
    this.#host.stray(description);
  }

  /** Tells the client of every stream why the node ends it. */
  announceEnd(reason: CloseReason): void {
    for (const stream of this.#streams.values()) stream.announceEnd(reason);
  }

  #countRequest(): boolean {
    this.#streamRequests += 1;
    if (this.#streamRequests <= this.#host.limits.streamRequests) return true;
    this.#host.finish('limit');
    return false;
  }
}

const connectionCommands: ReadonlyMap<string, ConnectionHandler> = new Map<string, ConnectionHandler>([
  ['createStream', (connection, command) => connection.createStream(command)],
  ['deleteStream', (connection, command) => connection.deleteStream(command.args[1])],
  // Whose the name is shows at publish; nobody's stream is freed by asking.
  ['releaseStream', (connection, command) => connection.reply(command, null)],
  ['FCPublish', (connection, command) => connection.reply(command, null)],
  ['FCUnpublish', (connection, command) => connection.unpublish(command)],
  ['FCSubscribe', (connection, command) => connection.subscribe(command)],
  ['FCUnsubscribe', (connection, command) => connection.reply(command, null)],
  ['getStreamLength', (connection, command) => connection.reply(command, null, 0)],
  ['_checkbw', (connection, command) => connection.reply(command, null)],
  ['checkBandwidth', (connection, command) => connection.reply(command, null)],
  // Replies to calls that we never make.
  ['_result', () => undefined],
  ['_error', () => undefined],
  ['onStatus', () => undefined],
]);

const streamCommands: ReadonlyMap<string, StreamHandler> = new Map<string, StreamHandler>([
  ['publish', (connection, stream, command) => connection.publish(stream, command)],
  ['play', (connection, stream, command) => connection.play(stream, command)],
  ['closeStream', (_connection, stream) => stream.endByClient()],
  ['pause', (_connection, stream, command) => stream.pause(command.args[1] !== false)],
  ['pauseRaw', (_connection, stream, command) => stream.pause(command.args[1] !== false)],
  ['receiveAudio', (_connection, stream, command) => stream.receive('audio', command.args[1] !== false)],
  ['receiveVideo', (_connection, stream, command) => stream.receive('video', command.args[1] !== false)],
  ['seek', (_connection, stream) => stream.seek()],
  [letGoCall, (_connection, stream) => stream.letGo()],
]);

function textOf(value: AmfValue): string {
  return typeof value === 'string' ? value : '';
}
