// The client's side of one RTMP connection that publishes or plays one stream: bytes in, bytes out. As on the server's
// side a fault is caught once, here, and ends this session.
import {
  AppError,
  ProtocolError,
  toAppError,
  type Clock,
  type CloseReason,
  type Timer,
} from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import { AcknowledgementCounter } from './acknowledgement-counter.ts';
import { splitAggregate } from './aggregate.ts';
import { amfString, isAmfObject, type AmfObject, type AmfValue } from './amf-value.ts';
import { decodeAmf0, readAmf0String } from './amf0-decode.ts';
import { ChunkReader } from './chunk-reader.ts';
import { callConnect, callCreateStream, callEnd, callStart, clientTransaction } from './client-calls.ts';
import type { ClientAction } from './client-calls.ts';
import type { RtmpClientDelegate } from './client-delegate.ts';
import { nextClientState, type ClientEvent, type ClientState } from './client-session-state.ts';
import { decodeCommand, isCommandMessage, type Command } from './commands.ts';
import { windowAckBytes } from './connect-call.ts';
import { decodeControlMessage, type ControlMessage } from './control-message.ts';
import { isDataMessage, unwrapData, wrapData } from './data-message.ts';
import { letGoCall, readForwarded, type ForwardedClient } from './forwarding.ts';
import { ClientHandshake } from './handshake-client.ts';
import { handshakeBytes } from './handshake.ts';
import { defaultChunkReaderLimits, rtmpChunkSizeOut, type ChunkReaderLimits } from './limits.ts';
import { chunkStreamId, messageType, type RtmpMessage } from './message.ts';
import { SessionOutput } from './session-output.ts';
import { errorCodeOf, findStatus, type RtmpStatus } from './status.ts';
import type { RtmpTarget } from './tc-url.ts';

/** What a client session runs with. */
export interface RtmpClientSessionOptions {
  readonly clock: Clock;
  readonly delegate: RtmpClientDelegate;
  /** Writes to the transport. */
  readonly output: (bytes: Buffer) => void;
  /** What the transport has not sent yet. Default: nothing, ever. */
  readonly pendingBytes?: () => number;
  readonly action: ClientAction;
  readonly target: Pick<RtmpTarget, 'app' | 'tcUrl' | 'name'>;
  /** Bits of `capsEx` to announce; undefined, as by default, leaves all of Enhanced RTMP out. */
  readonly capsEx?: number;
  /** This node forwards somebody else's publish: the server, where it is one of ours, says more. Default: false. */
  readonly isForwarder?: boolean;
  /** Who that is, for a node that believes it. */
  readonly forwardedClient?: ForwardedClient;
  readonly flashVer?: string;
  /** How long the server may take from `start` until it accepts. Default: 20 s. */
  readonly startMs?: number;
  readonly chunkLimits?: ChunkReaderLimits;
}

const defaultStartMs = 20_000;
const defaultFlashVer = 'FMLE/3.0 (compatible; Headwater)';
const maxUnreadBytes = 1024 * 1024;
const typeIds = { audio: messageType.audio, video: messageType.video, data: messageType.dataAmf0 };

/** Status codes after which a live play has nothing more to come. */
const playEndCodes: ReadonlySet<string> = new Set([
  'NetStream.Play.Complete',
  'NetStream.Play.Stop',
  'NetStream.Play.UnpublishNotify',
]);

/** One RTMP connection on the client's side. `delegate.closed` is called exactly once. */
export class RtmpClientSession {
  readonly #options: RtmpClientSessionOptions;
  readonly #delegate: RtmpClientDelegate;
  readonly #output: SessionOutput;
  readonly #handshake = new ClientHandshake();
  readonly #chunks: ChunkReader;
  readonly #acknowledgements = new AcknowledgementCounter();
  readonly #onMessage = (message: RtmpMessage): void => this.#receive(message);
  #state: ClientState = 'new';
  #messageStreamId = 0;
  #deadline: Timer | undefined;
  #runDepth = 0;

  constructor(options: RtmpClientSessionOptions) {
    this.#options = options;
    this.#delegate = options.delegate;
    this.#output = new SessionOutput({
      write: options.output,
      pendingBytes: options.pendingBytes ?? (() => 0),
      maxUnreadBytes,
    });
    this.#chunks = new ChunkReader(options.chunkLimits ?? defaultChunkReaderLimits, handshakeBytes);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Sends the first bytes. The transport is connected. */
  start(): void {
    if (!this.#move('start')) return;
    const { clock, startMs = defaultStartMs } = this.#options;
    this.#deadline = clock.after(startMs, () => this.close('timeout'));
    this.#run(() => this.#output.raw(this.#handshake.start()));
  }

  /** Bytes from the transport, split anywhere. */
  read(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#run(() => {
      if (this.#state === 'handshake') this.#readHandshake(bytes);
      else this.#chunks.read(bytes, this.#onMessage);
      const sequenceNumber = this.#acknowledgements.received(bytes.length);
      if (sequenceNumber !== undefined) this.#output.control({ kind: 'acknowledgement', sequenceNumber });
    });
  }

  /** Sends one message of the published stream, metadata behind `@setDataFrame`. Dropped unless live. */
  sendMedia(kind: FrameKind, timestampMs: number, payload: Buffer): void {
    if (this.#state !== 'live' || this.#options.action !== 'publish') return;
    this.#run(() =>
      this.#output.message({
        chunkStreamId: chunkStreamId[kind],
        typeId: typeIds[kind],
        messageStreamId: this.#messageStreamId,
        timestampMs,
        payload: kind === 'data' ? wrapData(payload) : payload,
      }),
    );
  }

  /** Tells the server, where it is one of ours, that the publisher which is forwarded was asked to move. */
  letGo(): void {
    if (this.#state !== 'live' || this.#options.isForwarder !== true) return;
    this.#run(() => this.#output.command(letGoCall, 0, [null], this.#messageStreamId));
  }

  /** Says something that the server has to answer: its answer is the next that `read` gets of a server that only listens. */
  ping(): void {
    if (this.#state !== 'live') return;
    const timestamp = this.#options.clock.nowMs() >>> 0;
    this.#run(() => this.#output.control({ kind: 'pingRequest', timestamp }));
  }

  /** The transport is gone. */
  transportClosed(): void {
    this.#finish('client_closed');
  }

  /** Ends the stream politely, then the session. */
  close(reason: CloseReason = 'client_closed'): void {
    if (this.#state === 'closed') return;
    this.#run(() => {
      const { action, target } = this.#options;
      if (this.#messageStreamId !== 0) callEnd(this.#output, action, target.name, this.#messageStreamId);
      this.#finish(reason);
    });
  }

  #run(action: () => void): void {
    this.#runDepth += 1;
    try {
      action();
    } catch (caught) {
      const error = toAppError(caught);
      this.#finish(error instanceof ProtocolError ? 'protocol_error' : 'internal_error', error);
    }
    this.#runDepth -= 1;
    if (this.#runDepth > 0) return;
    this.#output.flush();
    if (this.#output.isStalled) this.#finish('limit');
  }

  #readHandshake(bytes: Buffer): void {
    const { output, rest, isDone } = this.#handshake.read(bytes);
    if (output !== undefined) this.#output.raw(output);
    if (!isDone) return;
    this.#move('handshake-done');
    const { action, target, capsEx, flashVer = defaultFlashVer, isForwarder = false } = this.#options;
    const { forwardedClient } = this.#options;
    const { app, tcUrl } = target;
    callConnect(this.#output, { action, app, tcUrl, flashVer, capsEx, isForwarder, forwardedClient });
    if (rest !== undefined) this.#chunks.read(rest, this.#onMessage);
  }

  #receive(message: RtmpMessage): void {
    if (this.#state === 'closed') return;
    if (message.typeId === messageType.aggregate) splitAggregate(message, this.#onMessage);
    else if (message.typeId === messageType.audio) this.#media('audio', message, message.payload);
    else if (message.typeId === messageType.video) this.#media('video', message, message.payload);
    else if (isDataMessage(message)) this.#data(message);
    else if (isCommandMessage(message)) {
      const command = decodeCommand(message);
      if (command !== undefined) this.#command(command);
    } else {
      const control = decodeControlMessage(message);
      if (control !== undefined) this.#control(control);
    }
  }

  /** Some servers send media on message stream 0, or before they say that it begins. */
  #media(kind: FrameKind, message: RtmpMessage, payload: Buffer): void {
    if (this.#options.action !== 'play') return;
    if (this.#state !== 'live' && this.#state !== 'requesting') return;
    this.#delegate.media?.(kind, message.timestampMs, payload);
  }

  #data(message: RtmpMessage): void {
    const payload = unwrapData(message);
    if (payload === undefined) return;
    const name = readAmf0String(payload)?.value;
    // These speak of the connection and are no part of the stream.
    if (name === 'onStatus' || name === 'onPlayStatus') this.#status(decodeAmf0(payload).slice(1));
    else if (name !== '|RtmpSampleAccess') this.#media('data', message, payload);
  }

  #command(command: Command): void {
    switch (command.name) {
      case '_result':
        this.#result(command);
        break;
      case '_error':
        this.#error(command);
        break;
      case 'onStatus':
        this.#status(command.args);
        break;
      default:
    }
  }

  #result({ transactionId, args }: Command): void {
    const { action, target } = this.#options;
    if (transactionId === clientTransaction.connect && this.#move('connected')) {
      this.#output.control({ kind: 'windowAckSize', windowBytes: windowAckBytes });
      this.#output.control({ kind: 'setChunkSize', chunkSize: rtmpChunkSizeOut });
      callCreateStream(this.#output, action, target.name);
    } else if (transactionId === clientTransaction.createStream && this.#move('stream-created')) {
      const [, id] = args;
      if (typeof id !== 'number') throw new ProtocolError('no message stream', this.#chunks.bytesRead);
      this.#messageStreamId = id;
      callStart(this.#output, action, target.name, id);
    }
  }

  #error({ transactionId, args }: Command): void {
    const status = findStatus(args);
    if (status !== undefined) this.#delegate.status?.(status);
    const { connect, createStream, start } = clientTransaction;
    // Servers without the other calls are as good.
    if (transactionId === connect || transactionId === createStream || transactionId === start) {
      this.#refused(status, args);
    }
  }

  #status(args: readonly AmfValue[]): void {
    const status = findStatus(args);
    if (status === undefined) return;
    this.#delegate.status?.(status);
    const { action } = this.#options;
    if (status.code === 'NetConnection.Connect.ReconnectRequest') {
      this.#delegate.reconnectRequested?.(reconnectOptions(infoOf(args)));
    } else if (status.level === 'error') {
      this.#refused(status, args);
    } else if (status.code === (action === 'publish' ? 'NetStream.Publish.Start' : 'NetStream.Play.Start')) {
      this.#accepted();
    } else if (
      action === 'play' ? playEndCodes.has(status.code) : status.code === 'NetStream.Unpublish.Success'
    ) {
      this.#finish(this.#forwarded(args).reason ?? 'stream_ended');
    }
  }

  #accepted(): void {
    if (!this.#move('accepted')) return;
    this.#deadline?.cancel();
    this.#delegate.started();
  }

  #refused(status: RtmpStatus | undefined, args: readonly AmfValue[]): void {
    const { code = errorCodeOf(status), owner, reason = 'denied' } = this.#forwarded(args);
    const ex = infoOf(args)?.get('ex');
    const redirect = isAmfObject(ex) ? amfString(ex, 'redirect') : '';
    const details = {
      status: status?.code,
      description: status?.description,
      redirect: redirect === '' ? undefined : redirect,
      owner,
    };
    this.#finish(reason, new AppError(code, { details }));
  }

  #forwarded(args: readonly AmfValue[]): ReturnType<typeof readForwarded> {
    return this.#options.isForwarder === true ? readForwarded(infoOf(args)) : {};
  }

  #control(control: ControlMessage): void {
    switch (control.kind) {
      case 'setChunkSize':
        this.#chunks.setChunkSize(control.chunkSize);
        break;
      case 'abort':
        this.#chunks.abort(control.chunkStreamId);
        break;
      case 'windowAckSize':
        this.#acknowledgements.setWindow(control.windowBytes);
        break;
      case 'pingRequest':
        this.#output.control({ kind: 'pingResponse', timestamp: control.timestamp });
        break;
      default:
    }
  }

  #move(event: ClientEvent): boolean {
    const next = nextClientState(this.#state, event);
    if (next !== undefined) this.#state = next;
    return next !== undefined;
  }

  #finish(reason: CloseReason, error?: AppError): void {
    if (!this.#move('close')) return;
    this.#deadline?.cancel();
    this.#output.close();
    this.#delegate.closed(reason, error);
  }
}

function infoOf(args: readonly AmfValue[]): AmfObject | undefined {
  const info = args.findLast((value) => isAmfObject(value));
  return isAmfObject(info) ? info : undefined;
}

function reconnectOptions(info: AmfObject | undefined): { tcUrl?: string; description?: string } {
  const tcUrl = amfString(info, 'tcUrl');
  const description = amfString(info, 'description');
  return { ...(tcUrl === '' ? {} : { tcUrl }), ...(description === '' ? {} : { description }) };
}
