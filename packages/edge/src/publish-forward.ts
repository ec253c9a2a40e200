// A publisher that lands on an edge is forwarded: encoders do not follow RTMP redirects, so its messages go on to an
// origin over a connection of their own. The origin decides; the publisher is answered as the origin answers.
import { connect, type Socket } from 'node:net';
import { AppError, type Clock, type CloseReason, type Logger } from '@headwater/contracts';
import type { NodeDiscovery, NodeRecord } from '@headwater/cluster';
import {
  parseRtmpUrl,
  RtmpClientSession,
  type PublishControl,
  type PublishRequest,
  type RtmpTarget,
} from '@headwater/rtmp';

/** What forwarding needs. */
export interface PublishForwarderOptions {
  /** Where the origins are. */
  readonly discovery: Pick<NodeDiscovery, 'nodes'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long one origin may take to accept. */
  readonly startMs: number;
  /** What may wait for the origin before the publisher is given up. */
  readonly maxPendingBytes: number;
}

// An origin that cannot be reached is passed over; more than a few in a row mean that trying on helps nobody.
const maxAttempts = 3;
// An origin that keeps a claim waiting has answered all calls before it; one that stands still has answered nothing.
const answerMs = 1_500;

type Attempt = { readonly isAnswered: true } | { readonly isAnswered: false; readonly error: AppError };

/** Takes publishers on behalf of the cluster's origins. */
export class PublishForwarder {
  readonly #options: PublishForwarderOptions;
  readonly #sessions = new Set<ForwardedPublish>();
  #isDraining = false;

  constructor(options: PublishForwarderOptions) {
    this.#options = options;
  }

  /** The publishers that are forwarded now. */
  get sessions(): ReadonlySet<ForwardedSession> {
    return this.#sessions;
  }

  /** No new publishers from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Offers a publisher to one origin after the other until one answers. Never rejects. */
  async forward(request: PublishRequest, sessionId: string): Promise<void> {
    if (this.#isDraining) {
      request.refuse(new AppError('draining'));
      return;
    }
    const logger = this.#options.logger.child({ sessionId, app: request.app, name: request.name });
    let error = new AppError('upstream_unavailable', { details: { why: 'no origin is known' } });
    for (const origin of this.#origins().slice(0, maxAttempts)) {
      if (request.isCancelled) return;
      const attempt = await this.#offer(request, origin, logger);
      if (attempt.isAnswered) return;
      error = attempt.error;
      logger.warn({ origin: origin.nodeId, err: error }, 'origin did not take the publisher');
    }
    request.refuse(error);
  }

  // The least loaded first: which origin a stream lands on does not matter to its viewers.
  #origins(): NodeRecord[] {
    return this.#options.discovery
      .nodes()
      .filter(
        (node) => node.roles.includes('origin') && !node.isDraining && node.addresses.rtmp !== undefined,
      )
      .sort((a, b) => a.load.publishers - b.load.publishers || (a.nodeId < b.nodeId ? -1 : 1));
  }

  async #offer(request: PublishRequest, origin: NodeRecord, logger: Logger): Promise<Attempt> {
    return new Promise((resolve) => {
      const target = targetOf(request, origin.addresses.rtmp ?? '');
      if (target === undefined) {
        const details = { origin: origin.nodeId, rtmp: origin.addresses.rtmp };
        resolve({ isAnswered: false, error: new AppError('upstream_unavailable', { details }) });
        return;
      }
      const sessions = this.#sessions;
      new ForwardedPublish({ ...this.#options, request, target, logger, sessions, answered: resolve });
    });
  }
}

/** A forwarded publisher, for who drains the node. */
export interface ForwardedSession {
  /** Asks the publisher to come back through another node; false when it did not announce that it can. */
  requestReconnect(): boolean;
  /** Tells the publisher why, and closes its connection. */
  close(reason: CloseReason): void;
}

interface ForwardOptions extends PublishForwarderOptions {
  readonly request: PublishRequest;
  readonly target: RtmpTarget;
  /** It is in here from when it was accepted until it is over. */
  readonly sessions: Set<ForwardedPublish>;
  /** Called once: whether the origin had a say, and if not, why. */
  readonly answered: (attempt: Attempt) => void;
}

/** One publisher on its way through: a client session towards the origin, fed by the publisher's own. */
class ForwardedPublish implements ForwardedSession {
  readonly #options: ForwardOptions;
  readonly #socket: Socket;
  readonly #session: RtmpClientSession;
  #control: PublishControl | undefined;
  #isConnected = false;
  #hasPublisherLeft = false;
  #isAskedToMove = false;

  constructor(options: ForwardOptions) {
    this.#options = options;
    const { target, clock, startMs, maxPendingBytes } = options;
    const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
    this.#socket = socket;
    this.#session = new RtmpClientSession({
      clock,
      target,
      startMs,
      action: 'publish',
      capsEx: options.request.client.capsEx,
      output: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      pendingBytes: () => (socket.writableLength > maxPendingBytes ? Infinity : 0),
      delegate: {
        started: () => {
          this.#accept();
        },
        reconnectRequested: ({ description }) => {
          // Where the origin sends its client is an address inside the cluster: the publisher comes back to us.
          this.#control?.requestReconnect(description === undefined ? {} : { description });
        },
        closed: (reason, error) => {
          this.#ended(reason, error);
        },
      },
    });
    const deadline = clock.after(Math.min(answerMs, startMs), () => {
      if (this.#isUnanswered) socket.destroy();
    });
    socket.once('connect', () => {
      this.#isConnected = true;
      this.#session.start();
    });
    socket.on('data', (bytes) => {
      this.#session.read(bytes);
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      deadline.cancel();
      if (this.#isConnected) this.#session.transportClosed();
      else this.#giveUp('the origin cannot be reached');
    });
  }

  requestReconnect(): boolean {
    const isAsked = this.#control?.requestReconnect() ?? false;
    this.#isAskedToMove ||= isAsked;
    return isAsked;
  }

  close(reason: CloseReason): void {
    this.#control?.close(reason);
  }

  get #isUnanswered(): boolean {
    const { state } = this.#session;
    return state !== 'requesting' && state !== 'live' && state !== 'closed';
  }

  #accept(): void {
    const { request, answered, target, logger, sessions } = this.#options;
    answered({ isAnswered: true });
    sessions.add(this);
    logger.info({ origin: `${target.host}:${String(target.port)}` }, 'publish forwarded');
    this.#control = request.accept({
      media: (kind, timestampMs, payload) => {
        this.#session.sendMedia(kind, timestampMs, payload);
      },
      ended: (reason) => {
        this.#hasPublisherLeft = true;
        // Only an explicit end is passed on as one: a connection that was lost is lost for the origin too, and one that was
        // asked to move goes on through another node.
        if (reason === 'unpublished' && !this.#isAskedToMove) this.#session.close(reason);
        else this.#socket.destroy();
      },
    });
  }

  #ended(reason: CloseReason, error: AppError | undefined): void {
    const { request, answered, logger, sessions } = this.#options;
    sessions.delete(this);
    this.#socket.end();
    if (this.#control !== undefined) {
      if (!this.#hasPublisherLeft) this.#control.close(reason);
      logger.info({ reason }, 'forwarded publish closed');
    } else if (error === undefined || error.code === 'upstream_unavailable') {
      this.#giveUp(`the origin ended the publish: ${error?.message ?? reason}`);
    } else {
      answered({ isAnswered: true });
      request.refuse(error);
    }
  }

  #giveUp(why: string): void {
    const { host, port } = this.#options.target;
    const details = { origin: `${host}:${String(port)}`, why };
    this.#options.answered({ isAnswered: false, error: new AppError('upstream_unavailable', { details }) });
  }
}

function targetOf(request: PublishRequest, address: string): RtmpTarget | undefined {
  const tcUrl = `rtmp://${address}/${request.app}`;
  const url = parseRtmpUrl(tcUrl);
  if (url === undefined) return undefined;
  const query = new URLSearchParams([...request.params]).toString();
  const { isSecure, host, port } = url;
  return {
    isSecure,
    host,
    port,
    app: request.app,
    tcUrl,
    name: request.name + (query === '' ? '' : `?${query}`),
  };
}
