// The origin role: decides about publishers, owns the streams they send, serves them to edges by Relay.Pull.
import {
  AppError,
  streamKey,
  toAppError,
  type AccessPolicy,
  type Clock,
  type CloseReason,
  type Counter,
  type Gauge,
  type Logger,
  type Metrics,
  type StreamKey,
} from '@headwater/contracts';
import type { ClaimRequest, ClaimResult, NodeRef, OwnedStream, StreamRegistry } from '@headwater/cluster';
import type { FrameRingLimits } from '@headwater/media';
import { claimWithPatience, type ClaimPatienceOptions } from './claim-patience.ts';
import { OriginStream } from './origin-stream.ts';
import type { PublishAttempt, PublishContext } from './publish-attempt.ts';
import { mayReplace } from './publish-conflict.ts';
import { PublishSession } from './publish-session.ts';
import { RelayFeed } from './relay-feed.ts';

/** What an origin is made of. */
export interface OriginOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly registry: StreamRegistry;
  readonly access: AccessPolicy;
  readonly node: NodeRef;
  /** Where edges reach this node's relay, `host:port`; asked at each claim. */
  relayAddress(): string;
  readonly ring: FrameRingLimits;
  readonly holdMs: number;
  readonly maxPublishers: number;
  /** How a claim waits for an owner that is dead and not yet known to be. Left out: it does not. */
  readonly patience?: Omit<ClaimPatienceOptions, 'clock'>;
}

/** A node's publishers and their streams. */
export class Origin {
  readonly #options: OriginOptions;
  readonly #logger: Logger;
  readonly #streams = new Map<StreamKey, OriginStream>();
  readonly #sessions = new Map<StreamKey, PublishSession>();
  readonly #deciding = new Set<StreamKey>();
  readonly #published: Counter;
  readonly #live: Gauge;
  #isDraining = false;

  /** Answers the relay's pulls. */
  readonly feed: RelayFeed;

  constructor(options: OriginOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ role: 'origin' });
    const { metrics } = options;
    const dropped = metrics.counter({
      name: 'headwater_relay_dropped_frames_total',
      help: 'Frames that pullers which lay too far behind missed, counted when their pull ends.',
    });
    this.feed = new RelayFeed((key) => this.#streams.get(key), dropped);
    this.#published = metrics.counter({
      name: 'headwater_publish_attempts_total',
      help: 'Publish attempts by outcome: accepted, client_closed, or the code of the refusal.',
      labels: ['outcome'],
    });
    this.#live = metrics.gauge({
      name: 'headwater_origin_streams',
      help: 'Streams this origin owns, held ones included.',
    });
  }

  /** The streams that this node owns. */
  get streams(): ReadonlyMap<StreamKey, OriginStream> {
    return this.#streams;
  }

  /** The publishers that are connected. */
  get sessions(): Iterable<PublishSession> {
    return this.#sessions.values();
  }

  /** True once it takes no new publishers. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  get publishers(): number {
    return this.#sessions.size;
  }

  /** The publisher of a stream, while it is connected. */
  sessionOf(key: StreamKey): PublishSession | undefined {
    return this.#sessions.get(key);
  }

  /** What the node's heartbeat reports as owned. */
  owned(): ReadonlyMap<StreamKey, OwnedStream> {
    const relayAddress = this.#options.relayAddress();
    const owned = new Map<StreamKey, OwnedStream>();
    for (const [key, { epoch, state, credential, stats, openedAtMs }] of this.#streams) {
      if (state === 'ended') continue;
      owned.set(key, {
        epoch,
        state,
        relayAddress,
        ...(credential === undefined ? {} : { credential }),
        codecs: stats.codecs,
        sinceMs: openedAtMs,
      });
    }
    return owned;
  }

  /** Decides about a publisher; answers it by `accept` or `refuse`. Never rejects. */
  async publish(attempt: PublishAttempt, context: PublishContext): Promise<void> {
    try {
      const outcome = await this.#admit(attempt, context);
      this.#published.add(1, { outcome });
    } catch (caught) {
      const error = toAppError(caught);
      this.#published.add(1, { outcome: error.code });
      const fields = { sessionId: context.sessionId, app: attempt.app, name: attempt.name, err: error };
      this.#logger[error.entry.level](fields, 'publish refused');
      attempt.refuse(error);
    }
  }

  /** Somebody else owns these streams by now, at the epochs that this node had: drop them and their publishers. */
  yieldStreams(lost: ReadonlyMap<StreamKey, number>): void {
    for (const [key, epoch] of lost) {
      if (this.#streams.get(key)?.epoch === epoch) this.#close(key, 'replaced');
    }
  }

  /** Ends a stream by an operator's wish; false when it is not here. */
  kick(key: StreamKey): boolean {
    if (!this.#streams.has(key)) return false;
    this.#close(key, 'kicked');
    return true;
  }

  /** No new publishers from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Closes every publisher and stream. */
  close(): void {
    this.drain();
    for (const key of [...this.#streams.keys()]) this.#close(key, 'shutdown');
  }

  async #admit(attempt: PublishAttempt, context: PublishContext): Promise<'accepted' | 'client_closed'> {
    const key = streamKey(attempt.app, attempt.name);
    this.#refuseWhileDraining();
    this.#refuseAboveLimit(key);
    if (this.#deciding.has(key)) throw new AppError('already_publishing', { details: { stream: key } });
    this.#deciding.add(key);
    const isGone = (): boolean => attempt.isCancelled;
    try {
      const credential = await this.#decideAccess(key, attempt, context);
      if (isGone()) return 'client_closed';
      this.#refuseWhileDraining();
      const epoch = await this.#claim(key, credential, () => !isGone() && !this.#isDraining);
      // The claim has fenced off what this node has under the key: its successor is opened whatever happened meanwhile,
      // and is held when its publisher is gone already.
      if (this.#streams.has(key) || !(isGone() || this.#isDraining)) {
        this.#open({ key, epoch, credential, attempt, context });
      } else {
        await this.#options.registry.release(key, this.#options.node, epoch);
        if (!isGone()) this.#refuseWhileDraining();
      }
      return isGone() ? 'client_closed' : 'accepted';
    } finally {
      this.#deciding.delete(key);
    }
  }

  #refuseWhileDraining(): void {
    if (this.#isDraining) throw new AppError('draining');
  }

  // Those being decided about count; one that may take over the stream it asks for needs no place of its own.
  #refuseAboveLimit(key: StreamKey): void {
    const { maxPublishers } = this.#options;
    let publishers = this.#sessions.size;
    for (const deciding of this.#deciding) if (!this.#sessions.has(deciding)) publishers++;
    if (publishers < maxPublishers || this.#sessions.has(key)) return;
    throw new AppError('limit_reached', { details: { limit: 'publishers', max: maxPublishers } });
  }

  async #decideAccess(
    stream: StreamKey,
    attempt: PublishAttempt,
    context: PublishContext,
  ): Promise<string | undefined> {
    const { protocol, remoteAddress, ownCredential } = context;
    if (ownCredential !== undefined) return ownCredential;
    const decision = await this.#options.access.decide({
      action: 'publish',
      stream,
      protocol,
      remoteAddress,
      params: attempt.params,
    });
    if (decision.allowed) return decision.credential;
    throw new AppError(decision.code, { details: { stream, why: decision.description } });
  }

  async #claim(key: StreamKey, credential: string | undefined, isWanted: () => boolean): Promise<number> {
    const current = this.#streams.get(key);
    const replaces = current !== undefined && mayReplace(current.publisher, credential);
    if (current !== undefined && !replaces) {
      throw new AppError('already_publishing', { details: { stream: key } });
    }
    const { registry, clock, patience } = this.#options;
    const request: ClaimRequest = {
      stream: key,
      owner: this.#options.node,
      relayAddress: this.#options.relayAddress(),
      mayReplace: replaces,
      ...(credential === undefined ? {} : { credential }),
      ...(current === undefined ? {} : { seenEpoch: current.epoch }),
    };
    const claim = async (): Promise<ClaimResult> => registry.claim(request);
    const result =
      patience === undefined
        ? await claim()
        : await claimWithPatience(claim, isWanted, { ...patience, clock });
    if (result.outcome === 'claimed') return result.record.epoch;
    throw new AppError('already_publishing', {
      details: { stream: key, owner: result.current.owner.nodeId },
    });
  }

  #open(accepted: {
    readonly key: StreamKey;
    readonly epoch: number;
    readonly credential: string | undefined;
    readonly attempt: PublishAttempt;
    readonly context: PublishContext;
  }): void {
    const { key, epoch, credential, attempt, context } = accepted;
    this.#close(key, 'replaced');
    const { clock, ring, holdMs, registry, node } = this.#options;
    const stream = new OriginStream({
      key,
      epoch,
      credential,
      clock,
      ring,
      holdMs,
      changed: (changed, reason) => {
        this.#streamChanged(changed, reason);
      },
      codecsChanged: (changed, codecs) => {
        this.#report(registry.update({ stream: key, owner: node, epoch: changed.epoch, codecs }), changed);
      },
    });
    const session = new PublishSession({ stream, context, clock, logger: this.#logger });
    this.#streams.set(key, stream);
    this.#sessions.set(key, session);
    this.#live.set(this.#streams.size);
    session.open(attempt, () => {
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    });
  }

  #close(key: StreamKey, reason: CloseReason): void {
    // The stream first: what its publisher still sends must not reach anyone.
    this.#streams.get(key)?.end(reason);
    this.#sessions.get(key)?.close(reason);
  }

  #streamChanged(stream: OriginStream, reason: CloseReason | undefined): void {
    const { registry, node } = this.#options;
    const { key, epoch } = stream;
    if (stream.state === 'interrupted') {
      this.feed.interrupted(stream);
      this.#report(registry.update({ stream: key, owner: node, epoch, state: 'interrupted' }), stream);
      return;
    }
    if (this.#streams.get(key) === stream) this.#streams.delete(key);
    this.#live.set(this.#streams.size);
    this.#logger.info({ stream: key, epoch, reason }, 'stream ended');
    // A replaced stream belongs to the next epoch; one of a stopping node is orphaned when the node leaves.
    if (reason !== 'replaced' && reason !== 'shutdown') {
      this.#report(registry.release(key, node, epoch), stream);
    }
  }

  // The media path never waits for the registry: what fails here is repaired by the next heartbeat.
  #report(change: Promise<boolean>, stream: OriginStream): void {
    change.catch((caught: unknown) => {
      const fields = { stream: stream.key, epoch: stream.epoch, err: toAppError(caught) };
      this.#logger.warn(fields, 'registry not told of a stream change');
    });
  }
}
