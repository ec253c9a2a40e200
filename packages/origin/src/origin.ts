// The origin role: decides about publishers, owns the streams they send, serves them to edges by Relay.Pull.
import {
  AppError,
  streamKey,
  toAppError,
  type CloseReason,
  type Logger,
  type StreamKey,
} from '@headwater/contracts';
import { isSameRun, type OwnedStream, type StreamRecord } from '@headwater/cluster';
import { askAccess } from './access-question.ts';
import type { BackupSession } from './backup-session.ts';
import type { AdmittedPublisher } from './backups.ts';
import { Continuity } from './continuity.ts';
import { ExpectedStreams } from './expected-streams.ts';
import { LateClaims } from './late-claims.ts';
import { originFigures, type OriginFigures } from './origin-figures.ts';
import { defaultBackupPolicy, type OriginOptions } from './origin-options.ts';
import { OriginStream } from './origin-stream.ts';
import type { PublishAttempt, PublishContext } from './publish-attempt.ts';
import { PublishClaims, type ClaimGrant, type StandsBehind } from './publish-claims.ts';
import { PublishSession } from './publish-session.ts';
import { PublishTurns, type PublishTurn } from './publish-turns.ts';
import { goodStanding, type RegistryStanding } from './registry-standing.ts';
import { RelayFeed } from './relay-feed.ts';
import type { ServedStream } from './served-stream.ts';
import { StreamReports } from './stream-reports.ts';

/** A node's publishers and their streams. */
export class Origin {
  readonly #options: OriginOptions;
  readonly #logger: Logger;
  readonly #streams = new Map<StreamKey, OriginStream>();
  readonly #sessions = new Map<StreamKey, PublishSession>();
  /** Streams whose publisher has ended them while a backup stood ready. */
  readonly #leftToBackup = new Set<StreamKey>();
  readonly #turns: PublishTurns;
  readonly #claims: PublishClaims;
  readonly #late: LateClaims;
  readonly #reports: StreamReports;
  readonly #expected: ExpectedStreams;
  readonly #figures: OriginFigures;
  #isDraining = false;
  #isClosed = false;

  /** Answers the relay's pulls. */
  readonly feed: RelayFeed;
  /** Who stands by for this node's streams, and for whose streams it does. */
  readonly continuity: Continuity;

  constructor(options: OriginOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ role: 'origin' });
    this.#figures = originFigures(options.metrics);
    const standing = (): RegistryStanding => options.standing?.() ?? goodStanding;
    this.#turns = new PublishTurns(options.clock);
    this.#claims = new PublishClaims({
      ...options,
      relayAddress: () => options.relayAddress(),
      standing,
    });
    this.#reports = new StreamReports({ ...options, logger: this.#logger });
    this.#late = new LateClaims({
      ...options,
      logger: this.#logger,
      standing,
      random: options.random ?? Math.random,
      request: (stream, yields) => this.#claims.lateRequest(stream, yields),
      isTaken: (key) => this.#turns.isTaken(key),
      granted: (stream, epoch) => {
        this.#grantedLate(stream, epoch);
      },
      refused: (stream, current) => {
        this.#refusedLate(stream, current);
      },
    });
    this.continuity = this.#makeContinuity();
    this.#expected = new ExpectedStreams(options.clock, this.#figures.earlyPulls);
    const served = (key: StreamKey): ServedStream | undefined => this.continuity.served(key);
    this.feed = new RelayFeed(served, this.#figures.relayDropped, this.#expected);
  }

  /** The streams that this node owns. */
  get streams(): ReadonlyMap<StreamKey, OriginStream> {
    return this.#streams;
  }

  /** The publishers that are connected. */
  get sessions(): Iterable<PublishSession> {
    return this.#sessions.values();
  }

  /** The publishers that stand ready as backups. */
  get backupSessions(): Iterable<BackupSession> {
    return Array.from(this.continuity.backups.all.values(), ({ session }) => session);
  }

  /** True once it takes no new publishers. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  get publishers(): number {
    return this.#sessions.size + this.continuity.backups.all.size;
  }

  /** The publisher of a stream, while it is connected. */
  sessionOf(key: StreamKey): PublishSession | undefined {
    return this.#sessions.get(key);
  }

  /** What the node's heartbeat reports as owned. */
  owned(): ReadonlyMap<StreamKey, OwnedStream> {
    const owned = new Map<StreamKey, OwnedStream>();
    for (const [key, stream] of this.#streams) {
      const title = this.#titleOf(stream);
      if (title !== undefined) owned.set(key, title);
    }
    return owned;
  }

  /** Decides about a publisher; answers it by `accept` or `refuse`. Never rejects. */
  async publish(attempt: PublishAttempt, context: PublishContext): Promise<void> {
    try {
      const outcome = await this.#admit(attempt, context);
      this.#figures.published.add(1, { outcome });
    } catch (caught) {
      const error = toAppError(caught);
      this.#figures.published.add(1, { outcome: error.code });
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
    const hasBackup = this.continuity.backups.drop(key, 'kicked');
    if (!this.#streams.has(key)) return hasBackup;
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
    this.#isClosed = true;
    this.continuity.close();
    this.#expected.close();
    for (const key of [...this.#streams.keys()]) this.#close(key, 'shutdown');
  }

  async #admit(
    attempt: PublishAttempt,
    context: PublishContext,
  ): Promise<'accepted' | 'backup' | 'client_closed'> {
    const key = streamKey(attempt.app, attempt.name);
    this.#refuseWhileDraining();
    this.#refuseAboveLimit(key);
    const turn = this.#turns.enter(key, attempt);
    try {
      const credential = await askAccess(this.#options, key, attempt, context);
      if (attempt.isCancelled) return 'client_closed';
      await this.#turns.take(key, turn, credential);
      await this.#late.settled(key);
      this.#refuseWhileDraining();
      const grant = await this.#claim(key, credential, turn);
      if ('primary' in grant) {
        const publisher = { key, credential, attempt, context };
        const { backups } = this.continuity;
        const isBackup = await backups.accept(publisher, grant.primary, () => this.#isWanted(turn));
        if (!isBackup) this.#refuseUnlessGone(key, attempt);
        return turn.isGone ? 'client_closed' : 'backup';
      }
      this.#refuseSuperseded(key, grant.epoch);
      // A claim has fenced off what this node has under the key: its successor is opened whatever happened meanwhile, and
      // is held when its publisher is gone already.
      const isFenced = this.#streams.has(key) && !grant.isProvisional;
      if (isFenced || this.#isWanted(turn)) {
        this.#open({ key, grant, credential, attempt, context });
      } else {
        if (!grant.isProvisional) this.#reports.release(key, grant.epoch);
        this.#refuseUnlessGone(key, attempt);
      }
      return turn.isGone ? 'client_closed' : 'accepted';
    } finally {
      turn.leave();
    }
  }

  #isWanted(turn: PublishTurn): boolean {
    return turn.isWanted && !this.#isDraining;
  }

  #refuseUnlessGone(key: StreamKey, attempt: PublishAttempt): void {
    if (attempt.isCancelled) return;
    this.#refuseWhileDraining();
    throw new AppError('already_publishing', { details: { stream: key } });
  }

  // A backup of this node does not wait for its turn: it may have got the stream at a higher epoch meanwhile.
  #refuseSuperseded(key: StreamKey, epoch: number): void {
    const current = this.#streams.get(key)?.epoch ?? 0;
    if (current > epoch) throw new AppError('epoch_stale', { details: { stream: key, epoch, current } });
  }

  #refuseWhileDraining(): void {
    if (this.#isDraining) throw new AppError('draining');
  }

  // Those being decided about count; one that may take over the stream it asks for needs no place of its own.
  #refuseAboveLimit(key: StreamKey): void {
    const { maxPublishers } = this.#options;
    const elsewhere = this.#options.publishersElsewhere?.() ?? 0;
    const deciding = this.#turns.count((other) => !this.#sessions.has(other));
    if (this.publishers + deciding + elsewhere < maxPublishers || this.#sessions.has(key)) return;
    throw new AppError('limit_reached', { details: { limit: 'publishers', max: maxPublishers } });
  }

  async #claim(
    key: StreamKey,
    credential: string | undefined,
    turn: PublishTurn,
  ): Promise<ClaimGrant | StandsBehind> {
    const current = this.#streams.get(key);
    const { isEverySecond } = this.#options.backup ?? defaultBackupPolicy;
    const yields = isEverySecond || turn.attempt.params.get('backup') === '1';
    const isWanted = (): boolean => this.#isWanted(turn);
    const grant = await this.#claims.claim({ key, credential, current, isWanted, yields });
    const { maxPublishers } = this.#options;
    // Held streams count, too: they are what publishers that come and go leave behind.
    const hasPlace = this.#late.size < maxPublishers || (current !== undefined && this.#late.has(current));
    if ('primary' in grant || !grant.isProvisional || hasPlace) return grant;
    throw new AppError('limit_reached', { details: { limit: 'provisional streams', max: maxPublishers } });
  }

  #makeContinuity(): Continuity {
    const { relay, random = Math.random, backup = defaultBackupPolicy } = this.#options;
    return new Continuity({
      ...this.#options,
      ...backup,
      relay,
      random,
      logger: this.#logger,
      relayAddress: () => this.#options.relayAddress(),
      ownStream: (key) => this.#streams.get(key),
      granted: ({ stream, epoch, owner }) => {
        this.#claims.seen(stream, epoch);
        const isToCome = isSameRun(owner, this.#options.node) && !this.#isClosed;
        if (isToCome && (this.#streams.get(stream)?.epoch ?? 0) < epoch) this.#expected.expect(stream);
      },
      superseded: (key, epoch) => {
        this.yieldStreams(new Map([[key, epoch]]));
      },
      tookOver: (publisher, epoch) => {
        this.#tookOver(publisher, epoch);
      },
      backupGone: (key) => {
        if (this.#leftToBackup.delete(key)) this.#close(key, 'unpublished');
      },
      followedChanged: (stream) => {
        this.feed.stateChanged(stream);
      },
    });
  }

  #tookOver(publisher: AdmittedPublisher, epoch: number): void {
    this.#claims.seen(publisher.key, epoch);
    const isSuperseded = (this.#streams.get(publisher.key)?.epoch ?? 0) > epoch;
    if (isSuperseded || this.#isClosed) {
      // What a node gets while it stops is orphaned when it leaves.
      publisher.attempt.refuse(new AppError(isSuperseded ? 'epoch_stale' : 'draining'));
    } else this.#open({ ...publisher, grant: { epoch, isProvisional: false }, goesOn: true });
  }

  #open(accepted: AdmittedPublisher & { readonly grant: ClaimGrant; readonly goesOn?: boolean }): void {
    const { key, grant, credential, attempt, context, goesOn = false } = accepted;
    const { clock } = this.#options;
    const former = this.#streams.get(key);
    const title = former && this.#titleOf(former);
    this.#close(key, 'replaced');
    const stream = this.#makeStream(key, grant.epoch, credential, goesOn);
    const isHandedOver = (): boolean => {
      const hasBackup = this.continuity.hasBackup(key);
      if (hasBackup) this.#leftToBackup.add(key);
      return hasBackup;
    };
    const session = new PublishSession({ stream, context, clock, logger: this.#logger, isHandedOver });
    this.#streams.set(key, stream);
    this.#sessions.set(key, session);
    this.#figures.streams.set(this.#streams.size);
    if (grant.isProvisional) this.#late.begin(stream, title, grant.yields === true);
    session.open(attempt, () => {
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    });
    this.#expected.settle(key);
  }

  #makeStream(key: StreamKey, epoch: number, credential: string | undefined, goesOn = false): OriginStream {
    const { clock, ring, holdMs } = this.#options;
    return new OriginStream({
      key,
      epoch,
      credential,
      clock,
      ring,
      holdMs,
      goesOn,
      changed: (stream, reason) => {
        this.#streamChanged(stream, reason);
      },
      codecsChanged: (stream) => {
        this.#tell(stream);
      },
    });
  }

  // What the registry has of a stream of ours, as far as we know.
  #titleOf(stream: OriginStream): OwnedStream | undefined {
    if (stream.state === 'ended') return undefined;
    return this.#late.has(stream) ? this.#late.title(stream) : stream.title(this.#options.relayAddress());
  }

  #grantedLate(stream: OriginStream, epoch: number): void {
    const { key } = stream;
    this.#claims.seen(key, epoch);
    if (this.#streams.get(key) !== stream) this.#reports.release(key, epoch);
    else if (stream.epoch === epoch) this.#tell(stream);
    else this.#reopen(stream, epoch);
  }

  #refusedLate(stream: OriginStream, current: StreamRecord): void {
    const { key, epoch } = stream;
    const fields = { stream: key, epoch, owner: current.owner.nodeId, ownerEpoch: current.epoch };
    this.#logger.warn(fields, 'another origin has the stream that was taken while the registry was away');
    this.#claims.seen(key, current.epoch);
    if (this.#streams.get(key) === stream) this.#close(key, 'replaced');
  }

  // The publisher stays; what followed the stream goes on to its new epoch, whose headers are those of the old one.
  #reopen(stream: OriginStream, epoch: number): void {
    const { key } = stream;
    const successor = this.#makeStream(key, epoch, stream.credential);
    successor.takeHeaders(stream);
    this.#streams.set(key, successor);
    const session = stream.state === 'live' ? this.#sessions.get(key) : undefined;
    session?.moveTo(successor);
    stream.end('replaced');
    if (session === undefined) successor.interrupt();
    this.#expected.settle(key);
    this.#logger.info({ stream: key, epoch, formerEpoch: stream.epoch }, 'stream goes on at another epoch');
    this.#tell(successor);
  }

  #close(key: StreamKey, reason: CloseReason): void {
    // The stream first: what its publisher still sends must not reach anyone.
    this.#streams.get(key)?.end(reason);
    this.#sessions.get(key)?.close(reason);
  }

  #streamChanged(stream: OriginStream, reason: CloseReason | undefined): void {
    const { key, epoch } = stream;
    if (stream.state !== 'ended') {
      if (stream.state === 'interrupted') this.feed.stateChanged(stream);
      this.#tell(stream);
      return;
    }
    const title = this.#late.has(stream) ? this.#late.title(stream)?.epoch : epoch;
    this.#late.drop(stream);
    if (this.#streams.get(key) === stream && this.#streams.delete(key)) this.#leftToBackup.delete(key);
    this.#figures.streams.set(this.#streams.size);
    this.#figures.epochSeconds.observe(stream.mediaMs / 1000, { reason: reason ?? 'internal_error' });
    this.#logger.info({ stream: key, epoch, reason }, 'stream ended');
    // A replaced stream belongs to the next epoch; one of a stopping node is orphaned when the node leaves.
    const isOver = reason !== 'replaced' && reason !== 'shutdown';
    if (isOver) this.continuity.ownEnded(key);
    if (isOver && title !== undefined) this.#reports.release(key, title);
  }

  #tell(stream: OriginStream): void {
    const title = this.#titleOf(stream);
    if (title !== undefined) this.#reports.update(stream.key, title);
  }
}
