// One backup: a publisher that stands ready, what is seen of its primary, and the moment when it takes over.
import { toAppError, type Clock, type CloseReason, type Logger, type StreamKey } from '@headwater/contracts';
import {
  isSameRun,
  type ClaimResult,
  type NodeRef,
  type StreamRecord,
  type StreamRegistry,
} from '@headwater/cluster';
import type { BackupSession } from './backup-session.ts';
import type { CurrentPublisher } from './publish-conflict.ts';
import type { StreamFollower } from './stream-follower.ts';
import { switchCause, type PrimarySight, type SwitchCause } from './switch-decision.ts';

/** What all backups of a node share. */
export interface BackupSettings {
  readonly registry: StreamRegistry;
  readonly node: NodeRef;
  readonly clock: Clock;
  readonly logger: Logger;
  relayAddress(): string;
  /** A primary that has sent nothing for this long is taken over from. */
  readonly silentAfterMs: number;
  /** Whether a node answers on its relay address. Resolves within a bound; never rejects. */
  probe(relayAddress: string): Promise<boolean>;
  /** The publisher of a stream that this node owns; undefined when it does not. */
  ownPublisher(key: StreamKey): CurrentPublisher | undefined;
  /** Follows the stream at that epoch. */
  follow(record: StreamRecord): void;
  /** Who follows a stream; undefined when nobody does. */
  follower(key: StreamKey): StreamFollower | undefined;
}

/** A stream that was taken over, for the log and for whoever opens its new epoch. */
export interface Switch {
  readonly record: StreamRecord;
  readonly cause: SwitchCause;
  /** The first frame of the session that viewers get. */
  readonly startSequence: number;
  /** Since the primary's last frame came in; undefined where none has. */
  readonly gapMs: number | undefined;
}

/** What a backup is made of. */
export interface BackupOptions extends BackupSettings {
  readonly session: BackupSession;
  /** The stream as the registry had it when the publisher came; the backup has been declared for it. */
  readonly record: StreamRecord;
  /** The registry has given the stream to this node at that epoch. The backup is over. */
  tookOver(record: StreamRecord, how: Switch): void;
}

// A declaration is made again now and then: a registry that lost its data has lost it, too.
const declareEachMs = 5_000;
const retryMs = 250;
// How long the owner's own word about an end is waited for, once the registry has spoken of it.
const lastWordsMs = 500;
const probeEachMs = 500;
// Who stood still himself judges nobody for a while: what came meanwhile has not been read yet. One that stands still all
// the time has to judge in the end.
const stoodStillMs = 400;
const distrustEachMs = 5_000;
// A switch that comes late, e.g. because the registry was away, does not burden viewers with all that they missed.
const latestStartMs = 2_000;

/** Watches a primary, and takes its stream over for the session when it fails. */
export class Backup {
  readonly session: BackupSession;
  readonly #options: BackupOptions;
  readonly #logger: Logger;
  #record: StreamRecord;
  #lastFrameMs: number | undefined;
  #lookedMs: number;
  #watchedSinceMs: number;
  #distrustedMs = Number.NEGATIVE_INFINITY;
  #endedMs: number | undefined;
  /** When the trouble that goes on now was first seen. */
  #troubledMs: number | undefined;
  #declareDueMs: number;
  #isDeclaring = false;
  #probeDueMs = 0;
  #isProbing = false;
  #hasProbeFailed = false;
  #claimDueMs = 0;
  #isClaiming = false;
  /** Claims in a row that the registry did not answer: the first of them is worth a line. */
  #failedClaims = 0;
  #isOver = false;

  constructor(options: BackupOptions) {
    const { session, record, clock, logger } = options;
    this.session = session;
    this.#options = options;
    this.#logger = logger.child({ stream: session.key, sessionId: session.context.sessionId });
    this.#record = record;
    this.#lookedMs = this.#watchedSinceMs = clock.nowMs();
    this.#declareDueMs = clock.nowMs() + declareEachMs;
  }

  /** The stream at the epoch that it stands ready for. */
  get record(): StreamRecord {
    return this.#record;
  }

  /** True while the primary publishes to the same node. */
  get isLocal(): boolean {
    return isSameRun(this.#record.owner, this.#options.node);
  }

  /** True while it would take over. */
  get isReady(): boolean {
    return !this.#isOver && !this.session.hasEnded;
  }

  /** The registry has something new about the stream. */
  heard(record: StreamRecord): void {
    // While a claim is under way, its answer will tell.
    if (this.#isOver || this.#isClaiming || record.epoch < this.#record.epoch) return;
    if (record.epoch > this.#record.epoch) this.#beginEpoch();
    this.#record = record;
    if (record.state === 'ended') this.#endedMs ??= this.#options.clock.nowMs();
    else this.#checkPlace(record);
    this.look();
  }

  /** The owner itself has ended the stream that is followed: an operator's end is one for the backup, too. */
  ownerEnded(epoch: number, reason: CloseReason): void {
    if (this.#isOver || epoch !== this.#record.epoch) return;
    if (reason === 'kicked') this.session.close('kicked');
    else if (reason === 'unpublished' || reason === 'hold_expired') {
      this.#record = { ...this.#record, state: 'ended' };
      this.#endedMs = Number.NEGATIVE_INFINITY;
      this.look();
    }
  }

  /** There is something new to begin with: a primary that is in trouble is waited for no longer. */
  startArrived(): void {
    if (this.#troubledMs !== undefined) this.look();
  }

  /** Looks at the primary, and does what has to be done. */
  look(): void {
    if (this.#isOver || this.#isClaiming) return;
    const { clock, silentAfterMs } = this.#options;
    const nowMs = clock.nowMs();
    this.#distrustMyself(nowMs);
    if (nowMs >= this.#declareDueMs) this.#declare(nowMs);
    const sight = this.isLocal ? this.#ownSight(nowMs) : this.#remoteSight(nowMs);
    const { lastFrameMs } = sight;
    this.#lastFrameMs = lastFrameMs;
    const watchedSinceMs = this.#watchedSinceMs;
    const cause = switchCause(sight, { nowMs, watchedSinceMs, silentAfterMs });
    if (cause === undefined) {
      this.#troubledMs = undefined;
      return;
    }
    this.#troubledMs ??= nowMs;
    const startSequence = this.#startSequence(nowMs);
    // Without anything to begin with, nobody would gain.
    if (startSequence !== undefined && nowMs >= this.#claimDueMs) void this.#claim(cause);
  }

  /** Its publisher is gone or about to go: nothing is watched any more. `isKept`: another of this node takes its place. */
  close(isKept = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (isKept || this.isLocal) return;
    const { registry, node } = this.#options;
    registry.withdrawBackup(this.session.key, node, this.#record.epoch).catch((caught: unknown) => {
      this.#logger.warn({ err: toAppError(caught) }, 'registry not told that a backup is gone');
    });
  }

  #distrustMyself(nowMs: number): void {
    const hasStoodStill = nowMs - this.#lookedMs > stoodStillMs;
    this.#lookedMs = nowMs;
    if (!hasStoodStill || nowMs - this.#distrustedMs < distrustEachMs) return;
    this.#distrustedMs = this.#watchedSinceMs = nowMs;
  }

  #beginEpoch(): void {
    this.#watchedSinceMs = this.#options.clock.nowMs();
    this.#lastFrameMs = undefined;
    this.#endedMs = undefined;
    this.#troubledMs = undefined;
    this.#hasProbeFailed = false;
    this.#declareDueMs = 0;
  }

  /** Whether it is still the backup of what is recorded, and makes it that again. */
  #checkPlace(record: StreamRecord): void {
    const { node } = this.#options;
    if (record.credential !== this.session.credential) {
      this.session.close('replaced');
      return;
    }
    if (this.isLocal) return;
    this.#options.follow(record);
    const { standby } = record;
    const isDeclared = standby?.publishes === true && isSameRun(standby, node);
    if (isDeclared) return;
    if (standby?.publishes === true) this.session.close('replaced');
    else this.#declareDueMs = 0;
  }

  #ownSight(nowMs: number): PrimarySight {
    const own = this.#options.ownPublisher(this.session.key);
    const pulled = own?.isConnected === true ? 'live' : 'interrupted';
    return {
      recorded: own === undefined ? 'ended' : 'live',
      pulled,
      lastFrameMs: own === undefined ? this.#lastFrameMs : nowMs - own.silentMs,
      hasProbeFailed: false,
    };
  }

  #remoteSight(nowMs: number): PrimarySight {
    const record = this.#record;
    const found = this.#options.follower(record.stream);
    const follower = found?.epoch === record.epoch ? found : undefined;
    const pulled = follower?.pulledState;
    const lastFrameMs = follower?.lastFrameMs ?? this.#lastFrameMs;
    const awaitsWord = pulled !== undefined && nowMs - (this.#endedMs ?? nowMs) < lastWordsMs;
    const recorded = record.state === 'ended' && awaitsWord ? 'live' : record.state;
    if (pulled !== undefined) this.#hasProbeFailed = false;
    else if (lastFrameMs !== undefined) this.#probe(nowMs);
    return { recorded, pulled, lastFrameMs, hasProbeFailed: this.#hasProbeFailed };
  }

  #startSequence(nowMs: number): number | undefined {
    const { silentAfterMs } = this.#options;
    const brokeOffMs = this.#lastFrameMs ?? this.#troubledMs ?? nowMs;
    return this.session.startAfter(Math.max(brokeOffMs, nowMs - silentAfterMs - latestStartMs));
  }

  #probe(nowMs: number): void {
    if (this.#isProbing || nowMs < this.#probeDueMs) return;
    this.#isProbing = true;
    const { epoch, relayAddress } = this.#record;
    void this.#options.probe(relayAddress).then((hasAnswered) => {
      this.#isProbing = false;
      this.#probeDueMs = this.#options.clock.nowMs() + probeEachMs;
      if (epoch !== this.#record.epoch) return;
      this.#hasProbeFailed = !hasAnswered;
      this.look();
    });
  }

  #declare(nowMs: number): void {
    if (this.#isDeclaring || this.isLocal || this.#record.state === 'ended') return;
    this.#isDeclaring = true;
    this.#declareDueMs = nowMs + declareEachMs;
    const { registry, node, clock } = this.#options;
    this.#options.follow(this.#record);
    const { key, credential } = this.session;
    const request = {
      stream: key,
      epoch: this.#record.epoch,
      node,
      relayAddress: this.#options.relayAddress(),
      ...(credential === undefined ? {} : { credential }),
    };
    const undo = (): void => {
      void registry.withdrawBackup(key, node, request.epoch).catch(() => undefined);
    };
    registry
      .declareBackup(request)
      .then((result) => {
        this.#isDeclaring = false;
        if (result.outcome === 'refused') this.#declarationRefused(request.epoch, result.current);
        else if (this.#isOver) undo();
      })
      .catch((caught: unknown) => {
        this.#isDeclaring = false;
        this.#declareDueMs = clock.nowMs() + retryMs;
        this.#logger.debug({ err: toAppError(caught) }, 'backup could not be declared');
      });
  }

  #declarationRefused(epoch: number, current: StreamRecord | undefined): void {
    if (this.#isOver || epoch !== this.#record.epoch) return;
    if (current === undefined) this.heard({ ...this.#record, state: 'ended' });
    else if (current.epoch === epoch) this.session.close('replaced');
    else this.heard(current);
  }

  async #claim(cause: SwitchCause): Promise<void> {
    this.#isClaiming = true;
    const { registry, node, clock } = this.#options;
    const { key, credential } = this.session;
    const { epoch } = this.#record;
    try {
      const result = await registry.claim({
        stream: key,
        owner: node,
        relayAddress: this.#options.relayAddress(),
        seenEpoch: epoch,
        ...(this.isLocal ? { mayReplace: true } : { backupOf: epoch }),
        ...(credential === undefined ? {} : { credential }),
      });
      this.#isClaiming = false;
      this.#failedClaims = 0;
      this.#claimDueMs = clock.nowMs() + retryMs;
      this.#claimed(result, cause);
    } catch (caught) {
      this.#isClaiming = false;
      this.#claimDueMs = clock.nowMs() + retryMs;
      const level = this.#failedClaims++ === 0 ? 'warn' : 'debug';
      this.#logger[level]({ err: toAppError(caught), cause }, 'backup could not claim its stream');
    }
  }

  #claimed(result: ClaimResult, cause: SwitchCause): void {
    if (result.outcome === 'refused') {
      this.#logger.info({ cause, owner: result.current.owner.nodeId }, 'backup may not take over');
      this.heard(result.current);
      return;
    }
    const nowMs = this.#options.clock.nowMs();
    const startSequence = this.#startSequence(nowMs) ?? 0;
    const gapMs = this.#lastFrameMs === undefined ? undefined : Math.round(nowMs - this.#lastFrameMs);
    const record = this.#record;
    this.#isOver = true;
    this.#options.tookOver(result.record, { record, cause, startSequence, gapMs });
  }
}
