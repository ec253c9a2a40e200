// The relay's client: pulls streams from other nodes and probes them, over one shared connection for each address, and from
// its own node without any.
import type { ServiceError } from '@grpc/grpc-js';
import { AppError, type Clock, type Counter, type Gauge, type Metrics } from '@headwater/contracts';
import type { DialCall } from './call-ends.ts';
import { ChannelPool } from './channel-pool.ts';
import { ClientPull } from './client-pull.ts';
import type { ProbeResponse } from './generated/relay.ts';
import { dialGrpc } from './grpc-call.ts';
import type { ProbeResult, PullRequest } from './pull.ts';
import type { Pull, PullHandler } from './pull-handler.ts';
import { defaultRelayKeepalive, type RelayKeepalive } from './relay-keepalive.ts';
import type { RelayServer } from './relay-server.ts';
import { probe } from './relay-service.ts';
import { errorOf, isDecision } from './relay-status.ts';

/** What the client allows; each has a default. */
export interface RelayClientLimits {
  /** How long a pull may take from dialling to the owner's answer. */
  readonly openingMs: number;
  /** The biggest message taken: a frame is at most 10 MiB, and a server cuts batches well below. */
  readonly maxMessageBytes: number;
  /** HTTP/2 flow-control window: what may be under way at once. */
  readonly windowBytes: number;
  /** How long a connection without calls is kept. */
  readonly idleMs: number;
}

/** What a relay client is made of. */
export interface RelayClientOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Who pulls. */
  readonly nodeId: string;
  readonly limits?: Partial<RelayClientLimits>;
  readonly keepalive?: Partial<RelayKeepalive>;
}

/** Defaults of `RelayClientOptions.limits`. */
export const defaultRelayClientLimits: RelayClientLimits = {
  openingMs: 3_000,
  maxMessageBytes: 64 * 1024 * 1024,
  windowBytes: 8 * 1024 * 1024,
  idleMs: 10_000,
};

/** Pulls from and probes other nodes. `close` ends all it has begun. */
export class RelayClient {
  readonly #clock: Clock;
  readonly #nodeId: string;
  readonly #limits: RelayClientLimits;
  readonly #channels: ChannelPool;
  readonly #pulls = new Set<Pull>();
  readonly #openPulls: Gauge;
  readonly #failures: Counter;
  readonly #receivedBytes: Counter;
  readonly #receivedMessages: Counter;
  #own: { readonly address: string; readonly server: RelayServer } | undefined;
  #isClosed = false;

  constructor(options: RelayClientOptions) {
    this.#clock = options.clock;
    this.#nodeId = options.nodeId;
    this.#limits = { ...defaultRelayClientLimits, ...options.limits };
    const { maxMessageBytes, windowBytes, idleMs } = this.#limits;
    const keepalive = { ...defaultRelayKeepalive, ...options.keepalive };
    this.#channels = new ChannelPool({ clock: this.#clock, keepalive, maxMessageBytes, windowBytes, idleMs });
    const { metrics } = options;
    this.#openPulls = metrics.gauge({ name: 'headwater_relay_upstreams', help: 'Pulls from other nodes.' });
    this.#failures = metrics.counter({
      name: 'headwater_relay_failures_total',
      help: 'Pulls from other nodes that failed, by error code.',
      labels: ['code'],
    });
    this.#receivedBytes = metrics.counter({
      name: 'headwater_relay_received_bytes_total',
      help: 'Bytes of relay messages received.',
    });
    this.#receivedMessages = metrics.counter({
      name: 'headwater_relay_received_messages_total',
      help: 'Relay messages received.',
    });
  }

  /** How many connections there are, idle ones too. */
  get connections(): number {
    return this.#channels.size;
  }

  /** This node's own server, and the address by which others and this client know it. */
  serveLocally(address: string, server: RelayServer): void {
    this.#own = { address, server };
  }

  /** Pulls a stream from `host:port` or `unix:PATH`. The handler hears everything, also that the address cannot be reached. */
  pull(address: string, request: Omit<PullRequest, 'nodeId'>, handler: PullHandler): Pull {
    if (this.#isClosed) throw new AppError('internal', { details: { what: 'relay client is closed' } });
    const { dial, release } = this.#wayTo(address);
    const pull = new ClientPull({
      address,
      request: { ...request, nodeId: this.#nodeId },
      handler,
      dial,
      clock: this.#clock,
      openingMs: this.#limits.openingMs,
      onReceived: (bytes) => {
        this.#receivedBytes.add(bytes);
        this.#receivedMessages.add(1);
      },
      onClosed: (error, isBroken) => {
        release(isBroken);
        this.#pulls.delete(pull);
        this.#openPulls.set(this.#pulls.size);
        if (error !== undefined) this.#failures.add(1, { code: error.code });
      },
    });
    this.#pulls.add(pull);
    this.#openPulls.set(this.#pulls.size);
    return pull;
  }

  #wayTo(address: string): { readonly dial: DialCall; readonly release: (isBroken: boolean) => void } {
    const own = this.#own;
    if (own?.address === address) {
      return { dial: (...call) => own.server.callLocally(...call), release: () => undefined };
    }
    const lease = this.#channels.acquire(address);
    return {
      dial: (...call) => dialGrpc(lease.client, ...call),
      release: (isBroken) => {
        lease.release(isBroken);
      },
    };
  }

  /** Asks a node for a sign of life. Rejects with an `AppError` when there is none within `timeoutMs`. */
  async probe(address: string, timeoutMs: number): Promise<ProbeResult> {
    if (this.#isClosed) throw new AppError('internal', { details: { what: 'relay client is closed' } });
    const lease = this.#channels.acquire(address);
    return await new Promise<ProbeResult>((resolve, reject) => {
      const fail = (error: AppError, isBroken: boolean): void => {
        timer.cancel();
        lease.release(isBroken);
        reject(error);
      };
      const { path, requestSerialize, responseDeserialize } = probe;
      const answer = (error: ServiceError | null, response?: ProbeResponse): void => {
        if (error !== null || response === undefined) {
          fail(errorOf(error ?? {}, { address }), error === null || !isDecision(error));
          return;
        }
        timer.cancel();
        lease.release(false);
        resolve(response);
      };
      const request = { nodeId: this.#nodeId };
      const call = lease.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        answer,
      );
      const timer = this.#clock.after(timeoutMs, () => {
        fail(
          new AppError('upstream_unavailable', {
            details: { address, what: 'no answer to a probe', timeoutMs },
          }),
          true,
        );
        call.cancel();
      });
    });
  }

  /** Ends all pulls without a word to their handlers, and closes all connections. Twice does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const pull of [...this.#pulls]) pull.close();
    this.#channels.close();
  }
}
