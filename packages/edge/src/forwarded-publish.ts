// One publisher on its way through an edge: a client session towards the origin, fed by the publisher's own.
import { connect, type Socket } from 'node:net';
import { AppError, type Clock, type CloseReason, type Logger } from '@headwater/contracts';
import {
  RtmpClientSession,
  type ForwardedClient,
  type PublishControl,
  type PublishRequest,
  type RtmpTarget,
} from '@headwater/rtmp';
import { cutAfterLastWords } from './last-words.ts';
import { ForwardPulse } from './forward-pulse.ts';

// An origin that keeps a claim waiting has answered all calls before it; one that stands still has answered nothing.
const answerMs = 1_500;

/**
 * What came of an offer to one origin. `taken`: the publisher is accepted, and answered. `refused`: the origin said why
 * not. `unanswered`: it cannot be reached, or said nothing that is meant for the publisher.
 */
export type ForwardAttempt =
  { readonly outcome: 'taken' } | { readonly outcome: 'refused' | 'unanswered'; readonly error: AppError };

/** A forwarded publisher, for who drains the node. */
export interface ForwardedSession {
  /** Asks the publisher to come back through another node; false when it did not announce that it can. */
  requestReconnect(): boolean;
  /** Tells the publisher why, and closes its connection. */
  close(reason: CloseReason): void;
}

/** What a publisher is offered to one origin with. */
export interface ForwardOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long the origin may take to accept. */
  readonly startMs: number;
  /** What may wait for the origin before the publisher is given up. */
  readonly maxPendingBytes: number;
  readonly request: PublishRequest;
  readonly target: RtmpTarget;
  /** How to connect, if not to the target's address. */
  readonly dial?: () => Socket;
  /** Whom to name to the other end; only with `dial`. */
  readonly forwardedClient?: ForwardedClient;
  /** It is in here from when it was accepted until it is over. */
  readonly sessions: Set<ForwardedSession>;
  /** Called once. */
  readonly answered: (attempt: ForwardAttempt) => void;
}

/** Offers a publisher to an origin, and carries it there from when that accepts until either end is over. */
export class ForwardedPublish implements ForwardedSession {
  readonly #options: ForwardOptions;
  readonly #socket: Socket;
  readonly #session: RtmpClientSession;
  #pulse: ForwardPulse | undefined;
  #control: PublishControl | undefined;
  #isConnected = false;
  #hasPublisherLeft = false;
  #isAskedToMove = false;

  constructor(options: ForwardOptions) {
    this.#options = options;
    const { target, clock, startMs, maxPendingBytes, dial, forwardedClient } = options;
    const { host, port } = target;
    const socket = dial?.() ?? connect({ host, port, noDelay: true, keepAlive: true });
    this.#socket = socket;
    this.#session = new RtmpClientSession({
      clock,
      target,
      startMs,
      action: 'publish',
      capsEx: options.request.client.capsEx,
      isForwarder: true,
      ...(forwardedClient === undefined ? {} : { forwardedClient }),
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
      this.#pulse?.heard();
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
    if (isAsked) this.#session.letGo();
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
    const { clock, request, answered, target, logger, sessions } = this.#options;
    answered({ outcome: 'taken' });
    sessions.add(this);
    logger.info({ origin: `${target.host}:${String(target.port)}` }, 'publish forwarded');
    this.#pulse = new ForwardPulse(clock, {
      ask: () => {
        this.#session.ping();
      },
      stopped: () => {
        logger.warn(
          { origin: `${target.host}:${String(target.port)}` },
          'origin of a forwarded publish stands still',
        );
        this.#socket.destroy();
      },
    });
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
    const { answered, clock, logger, sessions } = this.#options;
    sessions.delete(this);
    this.#pulse?.close();
    this.#socket.end();
    cutAfterLastWords(clock, this.#socket);
    if (this.#control !== undefined) {
      if (!this.#hasPublisherLeft) this.#control.close(reason);
      logger.info({ reason }, 'forwarded publish closed');
    } else if (error === undefined) {
      this.#giveUp(`the origin ended the publish: ${reason}`);
    } else {
      answered({ outcome: 'refused', error });
    }
  }

  #giveUp(why: string): void {
    const { host, port } = this.#options.target;
    const details = { origin: `${host}:${String(port)}`, why };
    const error = new AppError('upstream_unavailable', { details });
    this.#options.answered({ outcome: 'unanswered', error });
  }
}
