// The server's side of one RTMP connection: bytes in, bytes out. It answers the handshake, reads messages, keeps the
// dialogue's state and its deadlines, and hands requests and media to its delegate. Whatever a client sends, nothing is
// ever thrown at the caller: a fault is caught once, here, and ends this session only.
import {
  AppError,
  ProtocolError,
  toAppError,
  type Clock,
  type CloseReason,
  type Logger,
  type Timer,
} from '@headwater/contracts';
import type { FrameKind } from '@headwater/media';
import { AcknowledgementCounter } from './acknowledgement-counter.ts';
import { splitAggregate } from './aggregate.ts';
import { ChunkReader } from './chunk-reader.ts';
import { decodeCommand, isCommandMessage, type Command } from './commands.ts';
import { acceptConnect, readConnectCall, windowAckBytes, type ConnectCall } from './connect-call.ts';
import { decodeControlMessage, type ControlMessage } from './control-message.ts';
import { isDataMessage, unwrapData } from './data-message.ts';
import { capability } from './enhanced-capabilities.ts';
import { ServerHandshake } from './handshake-server.ts';
import { handshakeBytes } from './handshake.ts';
import { messageType, type RtmpMessage } from './message.ts';
import { NetConnection } from './net-connection.ts';
import type { ReconnectOptions, RtmpServerDelegate } from './server-delegate.ts';
import { defaultRtmpServerLimits, type RtmpServerLimits } from './server-session-limits.ts';
import { nextConnectionState, type ConnectionEvent, type ConnectionState } from './server-session-state.ts';
import { SessionOutput } from './session-output.ts';
import { LivenessWatch } from './session-watch.ts';
import { connectRefusal, statusObject } from './status.ts';
import type { StreamHost } from './stream-host.ts';

/** What a server session runs with. */
export interface RtmpServerSessionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly delegate: RtmpServerDelegate;
  /** Writes to the transport. Called at most once for each `read`, besides what an accepted play writes at once. */
  readonly output: (bytes: Buffer) => void;
  /** What the transport has not sent yet. Default: nothing, ever. */
  readonly pendingBytes?: () => number;
  /** Overrides of single defaults. */
  readonly limits?: Partial<RtmpServerLimits>;
}

/** One RTMP connection on the server's side. `delegate.closed` is called exactly once, and nothing after it. */
export class RtmpServerSession {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #delegate: RtmpServerDelegate;
  readonly #limits: RtmpServerLimits;
  readonly #output: SessionOutput;
  readonly #handshake: ServerHandshake;
  readonly #chunks: ChunkReader;
  readonly #acknowledgements = new AcknowledgementCounter();
  readonly #liveness: LivenessWatch;
  readonly #onMessage = (message: RtmpMessage): void => this.#receive(message);
  #state: ConnectionState = 'handshake';
  #connection: NetConnection | undefined;
  #capsEx = 0;
  /** Until connected the deadline of that, then, while nothing is published or played, the deadline of doing so. */
  #deadline: Timer | undefined;
  #announcedWindowBytes = windowAckBytes;
  #strayMessages = 0;
  #runDepth = 0;

  constructor(options: RtmpServerSessionOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#delegate = options.delegate;
    this.#limits = { ...defaultRtmpServerLimits, ...options.limits };
    this.#output = new SessionOutput({
      write: options.output,
      pendingBytes: options.pendingBytes ?? (() => 0),
      maxUnreadBytes: this.#limits.unreadReplyBytes,
    });
    this.#handshake = new ServerHandshake({ nowMs: () => this.#clock.nowMs() });
    this.#chunks = new ChunkReader(this.#limits.chunks, handshakeBytes);
    this.#liveness = new LivenessWatch({
      clock: this.#clock,
      pingAfterMs: this.#limits.pingAfterMs,
      pingAnswerMs: this.#limits.pingAnswerMs,
      ping: () => this.#ping(),
      dead: () => this.close('timeout'),
    });
    this.#setDeadline(this.#limits.connectMs);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Bytes from the transport, split anywhere. They are the session's from now on: media may be views of them. */
  read(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#liveness.touch();
    this.#run(() => {
      if (this.#state === 'handshake') this.#readHandshake(bytes);
      else this.#chunks.read(bytes, this.#onMessage);
      const sequenceNumber = this.#acknowledgements.received(bytes.length);
      if (sequenceNumber !== undefined) this.#output.control({ kind: 'acknowledgement', sequenceNumber });
    });
  }

  /** The transport is gone, or its peer will send no more. */
  transportClosed(): void {
    this.#finish('client_closed', undefined, true);
  }

  /** Ends everything, telling the client why in so far as there are words for it. */
  close(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    this.#run(() => {
      this.#connection?.announceEnd(reason);
      this.#finish(reason);
    });
  }

  /** Asks the client to connect anew, here or elsewhere; it goes on until it has. False when it would not understand. */
  requestReconnect(options: ReconnectOptions = {}): boolean {
    if (this.#state !== 'connected' || (this.#capsEx & capability.reconnect) === 0) return false;
    const code = 'NetConnection.Connect.ReconnectRequest';
    this.#run(() => {
      const info = new Map([
        ['level', 'status'],
        ['code', code],
      ]);
      if (options.tcUrl !== undefined) info.set('tcUrl', options.tcUrl);
      if (options.description !== undefined) info.set('description', options.description);
      this.#output.command('onStatus', 0, [null, info]);
    });
    return true;
  }

  /** Catches what goes wrong in `action`, and sends what it said in one write. */
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
    if (rest !== undefined) this.#chunks.read(rest, this.#onMessage);
  }

  #receive(message: RtmpMessage): void {
    // The rest of a read in which the session was closed.
    if (this.#state === 'closed') return;
    if (this.#output.isStalled) this.#finish('limit');
    else if (message.typeId === messageType.aggregate) splitAggregate(message, this.#onMessage);
    else if (message.typeId === messageType.audio) this.#media('audio', message, message.payload);
    else if (message.typeId === messageType.video) this.#media('video', message, message.payload);
    else if (isDataMessage(message)) this.#media('data', message, unwrapData(message));
    else if (isCommandMessage(message)) this.#command(message);
    else {
      const control = decodeControlMessage(message);
      if (control !== undefined) this.#control(control);
    }
  }

  #media(kind: FrameKind, message: RtmpMessage, payload: Buffer | undefined): void {
    const { messageStreamId, timestampMs } = message;
    const isTaken =
      payload !== undefined && this.#connection?.media(kind, messageStreamId, timestampMs, payload) === true;
    if (isTaken) this.#strayMessages = 0;
    else this.#stray('media that nobody publishes');
  }

  #command(message: RtmpMessage): void {
    const command = decodeCommand(message);
    if (command === undefined) return;
    if (this.#connection !== undefined) {
      if (command.name === 'connect') throw this.#fault('connected twice');
      this.#connection.command(command, message.messageStreamId);
    } else if (command.name === 'connect') {
      this.#connect(command);
    } else {
      throw this.#fault('command before connect');
    }
  }

  #connect(command: Command): void {
    const call = readConnectCall(command);
    const refused =
      call.client.app === '' ? new AppError('app_unknown') : this.#delegate.connect(call.client);
    if (this.#state === 'closed') return;
    if (refused !== undefined) {
      this.#output.command('_error', call.transactionId, [null, statusObject(connectRefusal(refused))]);
      this.#finish(refused.code === 'limit_reached' ? 'limit' : 'denied', refused);
      return;
    }
    this.#move('connect-accepted');
    this.#capsEx = call.client.capsEx;
    this.#connection = new NetConnection(this.#streamHost(call));
    this.#setDeadline(this.#limits.idleMs);
    acceptConnect(call, this.#output);
  }

  #streamHost(call: ConnectCall): StreamHost {
    return {
      clock: this.#clock,
      logger: this.#logger,
      limits: this.#limits,
      delegate: this.#delegate,
      output: this.#output,
      client: call.client,
      params: call.params,
      run: (action) => this.#run(action),
      finish: (reason) => this.#finish(reason),
      requestReconnect: (options) => this.requestReconnect(options),
      stray: (what) => this.#stray(what),
      activityChanged: (idleMs) => this.#activityChanged(idleMs),
    };
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
      case 'setPeerBandwidth':
        // RTMP 1.0 §5.4.5: the answer is due when the window differs from the one last sent.
        if (control.windowBytes === this.#announcedWindowBytes) break;
        this.#announcedWindowBytes = control.windowBytes;
        this.#output.control({ kind: 'windowAckSize', windowBytes: control.windowBytes });
        break;
      case 'pingRequest':
        this.#output.control({ kind: 'pingResponse', timestamp: control.timestamp });
        break;
      default:
    }
  }

  #ping(): void {
    this.#run(() => this.#output.control({ kind: 'pingRequest', timestamp: this.#clock.nowMs() >>> 0 }));
  }

  #stray(what: string): void {
    this.#strayMessages += 1;
    if (this.#strayMessages === 1) this.#logger.debug({ what }, 'rtmp message dropped');
    if (this.#strayMessages > this.#limits.strayMessages) throw this.#fault(what);
  }

  #activityChanged(idleMs = this.#limits.idleMs): void {
    if (this.#state !== 'connected') return;
    if (this.#connection?.isActive === true) this.#clearDeadline();
    else this.#setDeadline(idleMs);
  }

  // A timer that is cancelled is not kept either: there is one for each viewer.
  #clearDeadline(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  #setDeadline(delayMs: number): void {
    this.#clearDeadline();
    this.#deadline = this.#clock.after(delayMs, () => this.close('timeout'));
  }

  #move(event: ConnectionEvent): void {
    this.#state = nextConnectionState(this.#state, event) ?? this.#state;
  }

  #finish(reason: CloseReason, error?: AppError, isLost = false): void {
    if (this.#state === 'closed') return;
    this.#move('close');
    this.#deadline?.cancel();
    this.#liveness.stop();
    for (const stream of this.#connection?.streams ?? []) {
      this.#attempt(() => (isLost ? stream.lost() : stream.end(reason)));
    }
    this.#output.close();
    this.#attempt(() => this.#delegate.closed(reason, error));
  }

  /** While a session ends, a fault of one of those who must be told keeps none of the others from it. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (err) {
      this.#logger.error({ err }, 'rtmp session end failed');
    }
  }

  #fault(what: string): ProtocolError {
    return new ProtocolError(what, this.#chunks.bytesRead);
  }
}
