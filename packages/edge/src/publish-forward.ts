// A publisher that lands on an edge is forwarded: encoders do not follow RTMP redirects, so its messages go on to an
// origin over a connection of their own. The origin decides; the publisher is answered as the origin answers.
import type { Socket } from 'node:net';
import { AppError, type Clock, type Counter, type Logger, type Metrics } from '@headwater/contracts';
import type { NodeDiscovery, NodeRecord } from '@headwater/cluster';
import { parseRtmpUrl, type PublishRequest, type RtmpTarget } from '@headwater/rtmp';
import { ForwardedPublish, type ForwardAttempt, type ForwardedSession } from './forwarded-publish.ts';

/** What forwarding needs. */
export interface PublishForwarderOptions {
  /** Where the origins are. */
  readonly discovery: Pick<NodeDiscovery, 'nodes'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How long one origin may take to accept; all of them together may take twice that. */
  readonly startMs: number;
  /** What may wait for the origin before the publisher is given up. */
  readonly maxPendingBytes: number;
  /** Where all publishers go to, and are told from each other, instead of over the network to an origin's address. */
  readonly dial?: () => Socket;
}

/** Who publishes. */
export interface ForwardContext {
  readonly sessionId: string;
  readonly remoteAddress: string;
}

/** Takes publishers on behalf of the cluster's origins. */
export class PublishForwarder {
  readonly #options: PublishForwarderOptions;
  readonly #sessions = new Set<ForwardedSession>();
  readonly #outcomes: Counter;
  readonly #passedOver: Counter;
  #isDraining = false;

  constructor(options: PublishForwarderOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#outcomes = metrics.counter({
      name: 'headwater_forwarded_publishes_total',
      help: 'Publishers that this edge offered to origins, by outcome: accepted, client_closed, or the code of the refusal.',
      labels: ['outcome'],
    });
    this.#passedOver = metrics.counter({
      name: 'headwater_forward_origins_passed_over_total',
      help: 'Origins that did not take a forwarded publisher, so that another one was asked, by the code of the reason.',
      labels: ['reason'],
    });
  }

  /** The publishers that are forwarded now. */
  get sessions(): ReadonlySet<ForwardedSession> {
    return this.#sessions;
  }

  /** No new publishers from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Offers a publisher to one origin after the other until one has the last word. Never rejects. */
  async forward(request: PublishRequest, context: ForwardContext): Promise<void> {
    const error = this.#isDraining ? new AppError('draining') : await this.#offerToAll(request, context);
    const outcome = request.isCancelled ? 'client_closed' : (error?.code ?? 'accepted');
    this.#outcomes.add(1, { outcome });
    if (error !== undefined) request.refuse(error);
  }

  /** Resolves with why nobody took it, undefined when somebody did. */
  async #offerToAll(request: PublishRequest, context: ForwardContext): Promise<AppError | undefined> {
    const { clock, startMs } = this.#options;
    const { sessionId } = context;
    const logger = this.#options.logger.child({ sessionId, app: request.app, name: request.name });
    const endsMs = clock.nowMs() + 2 * startMs;
    let origins = this.#origins();
    let answer: AppError | undefined;
    let failure = new AppError('upstream_unavailable', { details: { why: 'no origin is known' } });
    for (let origin = origins.shift(); origin !== undefined; origin = origins.shift()) {
      const leftMs = endsMs - clock.nowMs();
      if (request.isCancelled || leftMs <= 0) break;
      const attempt = await this.#offer(request, origin, {
        logger,
        context,
        startMs: Math.min(startMs, leftMs),
      });
      if (attempt.outcome === 'taken') return undefined;
      const { outcome, error } = attempt;
      logger.warn({ origin: origin.nodeId, err: error }, 'origin did not take the publisher');
      if (outcome === 'unanswered') {
        failure = error;
        origins = elsewhereFirst(origins, origin);
      } else {
        answer = error;
      }
      if (outcome === 'refused' && !mayTryOn(error, origins)) break;
      this.#passedOver.add(1, { reason: error.code });
    }
    // What an origin said tells more than that others could not be reached.
    return answer ?? failure;
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

  async #offer(
    request: PublishRequest,
    origin: NodeRecord,
    how: { readonly logger: Logger; readonly context: ForwardContext; readonly startMs: number },
  ): Promise<ForwardAttempt> {
    const { clock, maxPendingBytes, dial } = this.#options;
    const { logger, startMs, context } = how;
    const { sessionId, remoteAddress: address } = context;
    const way = dial === undefined ? {} : { dial, forwardedClient: { sessionId, address } };
    return new Promise((resolve) => {
      const target = targetOf(request, origin.addresses.rtmp ?? '');
      if (target === undefined) {
        const details = { origin: origin.nodeId, rtmp: origin.addresses.rtmp };
        resolve({ outcome: 'unanswered', error: new AppError('upstream_unavailable', { details }) });
        return;
      }
      const sessions = this.#sessions;
      const work = { clock, maxPendingBytes, logger, startMs, request, target, sessions, ...way };
      new ForwardedPublish({ ...work, answered: resolve });
    });
  }
}

// Origins behind one port are processes of one machine: where that does not answer, others are asked before it is once more.
function elsewhereFirst(origins: readonly NodeRecord[], { addresses }: NodeRecord): NodeRecord[] {
  const isBehind = (other: NodeRecord): boolean => other.addresses.rtmp === addresses.rtmp;
  return [...origins.filter((other) => !isBehind(other)), ...origins.filter(isBehind)];
}

// Whether another origin may say something else. Only its owner knows whether the publisher of a stream is still there,
// and lets a newcomer have it if not: the owner is asked next, and has the last word.
function mayTryOn(refusal: AppError, others: NodeRecord[]): boolean {
  if (refusal.code !== 'already_publishing') return refusal.entry.retryable;
  const index = others.findIndex(({ nodeId }) => nodeId === refusal.details['owner']);
  others.unshift(...(index < 0 ? [] : others.splice(index, 1)));
  return index >= 0;
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
