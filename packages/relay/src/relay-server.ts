// The relay's server: takes `Relay.Pull` and `Relay.Probe` on one port, checks what pullers ask for, and hands each pull
// to the source of streams. What a pull sends and how it ends is between the source and `ServerPull`.
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import {
  AppError,
  parseStreamKey,
  toAppError,
  type Clock,
  type Counter,
  type Gauge,
  type Logger,
  type Metrics,
} from '@headwater/contracts';
import {
  Reach,
  type ProbeRequest,
  type ProbeResponse,
  type PullRequest as PullRequestMessage,
} from './generated/relay.ts';
import type { ClientCallEnd, ClientCallListener, ServerCallEnd } from './call-ends.ts';
import { grpcServerEnd } from './grpc-call.ts';
import { LocalCall } from './local-call.ts';
import type { ProbeResult, PullRequest } from './pull.ts';
import { defaultRelayKeepalive, type RelayKeepalive } from './relay-keepalive.ts';
import { rawRelayService } from './relay-service.ts';
import type { RelaySource } from './relay-source.ts';
import { statusOf } from './relay-status.ts';
import { ServerPull, type ServerPullLimits } from './server-pull.ts';

/** What the server allows; each has a default. */
export interface RelayServerLimits extends ServerPullLimits {
  /** Pulls at a time from one IP address. */
  readonly maxPullsPerPeer: number;
  readonly maxRequestBytes: number;
}

/** What a relay server is made of. */
export interface RelayServerOptions {
  readonly source: RelaySource;
  /** Answers `Relay.Probe`. */
  readonly probe: () => ProbeResult;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<RelayServerLimits>;
  readonly keepalive?: Partial<RelayKeepalive>;
}

/** Defaults of `RelayServerOptions.limits`. */
export const defaultRelayServerLimits: RelayServerLimits = {
  openingMs: 3_000,
  maxPendingBytes: 64 * 1024 * 1024,
  itemBytes: 1024 * 1024,
  maxPullsPerPeer: 10_000,
  maxRequestBytes: 16 * 1024,
};

// Calls are answered as they come: as many as a connection may have open are work that everybody else waits for.
const maxCallsPerConnection = 200;
const nodeIdPattern = /^[\x21-\x7e]{1,255}$/;

/** The relay's server. Started and stopped once. */
export class RelayServer {
  readonly #source: RelaySource;
  readonly #probe: () => ProbeResult;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: RelayServerLimits;
  readonly #server: Server;
  readonly #pulls = new Set<ServerPull>();
  readonly #pullsByPeer = new Map<string, number>();
  readonly #openPulls: Gauge;
  readonly #endedPulls: Counter;
  readonly #sentBytes: Counter;
  readonly #sentMessages: Counter;
  #refusals = 0;
  #refusalsSaidMs = -Infinity;
  #stopping: Promise<void> | undefined;

  constructor(options: RelayServerOptions) {
    this.#source = options.source;
    this.#probe = options.probe;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#limits = { ...defaultRelayServerLimits, ...options.limits };
    const keepalive = { ...defaultRelayKeepalive, ...options.keepalive };
    this.#server = new Server({
      'grpc.max_receive_message_length': this.#limits.maxRequestBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': maxCallsPerConnection,
      'grpc.keepalive_time_ms': keepalive.timeMs,
      'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
      'grpc.enable_channelz': 0,
    });
    this.#server.addService(rawRelayService, {
      pull: (call: ServerWritableStream<PullRequestMessage, Buffer>) => {
        this.#open(grpcServerEnd(call), call.request);
      },
      probe: (_call: ServerUnaryCall<ProbeRequest, ProbeResponse>, reply: sendUnaryData<ProbeResponse>) => {
        reply(null, { ...this.#probe() });
      },
    });
    const { metrics } = options;
    this.#openPulls = metrics.gauge({ name: 'headwater_relay_pulls', help: 'Pulls being served.' });
    this.#endedPulls = metrics.counter({
      name: 'headwater_relay_pulls_total',
      help: 'Pulls that ended, by close reason or error code.',
      labels: ['result'],
    });
    this.#sentBytes = metrics.counter({
      name: 'headwater_relay_sent_bytes_total',
      help: 'Bytes of relay messages handed to HTTP/2, or to this node’s own edge.',
    });
    this.#sentMessages = metrics.counter({
      name: 'headwater_relay_sent_messages_total',
      help: 'Relay messages handed to HTTP/2, or to this node’s own edge.',
    });
  }

  /** How many pulls are being served. */
  get pulls(): number {
    return this.#pulls.size;
  }

  /** Listens; port 0 takes any. Rejects with `address_unusable`. */
  async start(host: string, port: number): Promise<{ readonly address: string }> {
    const shownHost = host.includes(':') ? `[${host}]` : host;
    return { address: `${shownHost}:${await this.#bind(`${shownHost}:${port}`)}` };
  }

  /** Listens on a Unix domain socket, for processes of this machine. Rejects with `address_unusable`. */
  async startLocal(path: string): Promise<{ readonly address: string }> {
    const address = `unix:${path}`;
    await this.#bind(address);
    return { address };
  }

  /** A call from this process, which needs no connection. */
  callLocally(request: PullRequestMessage, listener: ClientCallListener): ClientCallEnd {
    const call = new LocalCall(listener);
    // Whoever calls may be about to make what is called for: over a connection it would be there by now.
    setImmediate(() => {
      if (!call.isCancelled) this.#open(call, request);
    });
    return call;
  }

  /** Takes no more pulls, ends those that run as `draining`, and resolves when all is sent or `graceMs` has passed. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#shutDown(graceMs);
    await this.#stopping;
  }

  async #bind(address: string): Promise<number> {
    return await new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
        if (cause === null) resolve(port);
        else reject(new AppError('address_unusable', { details: { address }, cause }));
      });
    });
  }

  async #shutDown(graceMs: number): Promise<void> {
    for (const pull of this.#pulls) pull.refuse(new AppError('draining'));
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(graceMs, () => {
        this.#server.forceShutdown();
        resolve();
      });
      this.#server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #open(call: ServerCallEnd, message: PullRequestMessage): void {
    let request: PullRequest;
    const peer = hostOf(call.peer);
    try {
      this.#admit(peer);
      request = checkedRequest(message);
    } catch (caught) {
      this.#refuseUnopened(call, toAppError(caught));
      return;
    }
    const pull = new ServerPull({
      call,
      request,
      clock: this.#clock,
      limits: this.#limits,
      onSent: (bytes) => {
        this.#sentBytes.add(bytes);
        this.#sentMessages.add(1);
      },
    });
    this.#track(pull, call, peer);
    try {
      this.#source.open(pull);
    } catch (caught) {
      this.#logger.error({ err: caught, stream: request.stream }, 'relay source failed to open a pull');
      pull.refuse(toAppError(caught));
    }
  }

  #admit(peer: string): void {
    if (this.#stopping !== undefined) throw new AppError('draining');
    if ((this.#pullsByPeer.get(peer) ?? 0) < this.#limits.maxPullsPerPeer) return;
    throw new AppError('limit_reached', {
      details: { what: 'pulls of a peer', limit: this.#limits.maxPullsPerPeer },
    });
  }

  #refuseUnopened(call: ServerCallEnd, error: AppError): void {
    this.#endedPulls.add(1, { result: error.code });
    this.#noteRefusal(call.peer, error);
    call.fail(statusOf(error));
  }

  // A flood of bad calls must not cost a log line each: one a second says what they are and how many came before it.
  #noteRefusal(peer: string, { code, message }: AppError): void {
    this.#refusals++;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#refusalsSaidMs < 1_000) return;
    this.#logger.info({ peer, code, reason: message, refusals: this.#refusals }, 'pulls refused');
    this.#refusals = 0;
    this.#refusalsSaidMs = nowMs;
  }

  #track(pull: ServerPull, call: ServerCallEnd, peer: string): void {
    const startedMs = this.#clock.nowMs();
    const logger = this.#logger.child({
      peer: pull.peer,
      puller: pull.request.nodeId,
      stream: pull.request.stream,
    });
    this.#pulls.add(pull);
    this.#pullsByPeer.set(peer, (this.#pullsByPeer.get(peer) ?? 0) + 1);
    this.#openPulls.set(this.#pulls.size);
    const { reach, resume, minEpoch } = pull.request;
    const level = reach === undefined || reach === 'shield' ? 'info' : 'debug';
    logger[level]({ resume, minEpoch, reach }, 'pull opened');
    call.onClosed(() => {
      this.#pulls.delete(pull);
      const left = (this.#pullsByPeer.get(peer) ?? 1) - 1;
      if (left > 0) this.#pullsByPeer.set(peer, left);
      else this.#pullsByPeer.delete(peer);
      this.#openPulls.set(this.#pulls.size);
      this.#report(pull, logger, this.#clock.nowMs() - startedMs);
    });
  }

  #report(pull: ServerPull, logger: Logger, durationMs: number): void {
    const { request, result, sentBytes, sentMessages } = pull;
    const reason = result instanceof AppError ? result.code : result;
    this.#endedPulls.add(1, { result: reason });
    // A peer asks on the off chance, and when an origin dies for all of its streams at once.
    const refusal = result instanceof AppError ? result.entry.level : 'info';
    const level = request.reach === 'peer' && sentBytes === 0 ? 'debug' : refusal;
    logger[level]({ reason, durationMs: Math.round(durationMs), sentBytes, sentMessages }, 'pull closed');
  }
}

function checkedRequest(message: PullRequestMessage): PullRequest {
  const { nodeId, minEpoch, resumeEpoch, resumeSequence } = message;
  if (!nodeIdPattern.test(nodeId)) {
    throw new AppError('request_malformed', { details: { field: 'node_id', expected: '1 to 255 of ASCII' } });
  }
  if ((resumeEpoch === undefined) !== (resumeSequence === undefined)) {
    throw new AppError('request_malformed', {
      details: { field: 'resume_epoch, resume_sequence', expected: 'both or none' },
    });
  }
  return {
    stream: parseStreamKey(message.stream),
    nodeId,
    ...(minEpoch === undefined ? {} : { minEpoch }),
    ...(resumeEpoch === undefined || resumeSequence === undefined
      ? {}
      : { resume: { epoch: resumeEpoch, sequence: resumeSequence } }),
    ...reachOf(message.reach),
  };
}

// A reach that only a later version knows is not served by less than it asks for.
function reachOf(reach: number): Pick<PullRequest, 'reach'> {
  if (reach === Reach.UNSPECIFIED) return {};
  if (reach === Reach.PEER) return { reach: 'peer' };
  if (reach === Reach.AGENT) return { reach: 'agent' };
  if (reach === Reach.SHIELD) return { reach: 'shield' };
  throw new AppError('request_malformed', { details: { field: 'reach', expected: '0 to 3' } });
}

function hostOf(peer: string): string {
  const colon = peer.lastIndexOf(':');
  return colon < 0 ? peer : peer.slice(0, colon);
}
