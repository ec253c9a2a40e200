// One backup: a publisher that stands ready, declared in the registry for the epoch that it would follow, and its claim of
// the stream when the primary fails.
import { toAppError, type CloseReason, type Logger } from '@headwater/contracts';
import { isSameRun, type ClaimResult, type StreamRecord, type StreamRegistry } from '@headwater/cluster';
import type { BackupSession } from './backup-session.ts';
import { PrimaryWatch, type PrimarySources } from './primary-watch.ts';
import type { SwitchCause } from './switch-decision.ts';

/** What all backups of a node share. */
export interface BackupSettings extends PrimarySources {
  readonly registry: StreamRegistry;
  readonly logger: Logger;
  relayAddress(): string;
  /** Follows the stream at that epoch. */
  follow(record: StreamRecord): void;
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
// A switch that comes late, e.g. because the registry was away, does not burden viewers with all that they missed.
const latestStartMs = 2_000;

/** Stands ready for one stream, and takes it over for the session when its primary fails. */
export class Backup {
  readonly session: BackupSession;
  readonly #options: BackupOptions;
  readonly #logger: Logger;
  readonly #watch: PrimaryWatch;
  #declareDueMs: number;
  #isDeclaring = false;
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
    this.#watch = new PrimaryWatch({
      ...options,
      record,
      probed: () => {
        this.look();
      },
    });
    this.#declareDueMs = clock.nowMs() + declareEachMs;
  }

  /** The stream at the epoch that it stands ready for. */
  get record(): StreamRecord {
    return this.#watch.record;
  }

  /** True while the primary publishes to the same node. */
  get isLocal(): boolean {
    return this.#watch.isLocal;
  }

  /** True while it would take over. */
  get isReady(): boolean {
    return !this.#isOver && !this.session.hasEnded;
  }

  /** The registry has something new about the stream. */
  heard(record: StreamRecord): void {
    // While a claim is under way, its answer will tell.
    if (this.#isOver || this.#isClaiming || record.epoch < this.record.epoch) return;
    if (this.#watch.heard(record)) this.#declareDueMs = 0;
    if (record.state !== 'ended') this.#checkPlace(record);
    this.look();
  }

  /** The owner itself has ended the stream that is followed: an operator's end is one for the backup, too. */
  ownerEnded(epoch: number, reason: CloseReason): void {
    if (this.#isOver || epoch !== this.record.epoch) return;
    if (reason === 'kicked') this.session.close('kicked');
    else if (this.#watch.ownerEnded(reason)) this.look();
  }

  /** There is something new to begin with: a primary that is in trouble is waited for no longer. */
  startArrived(): void {
    if (this.#watch.troubledMs !== undefined) this.look();
  }

  /** Looks at the primary, and does what has to be done. */
  look(): void {
    if (this.#isOver || this.#isClaiming) return;
    const nowMs = this.#options.clock.nowMs();
    const cause = this.#watch.look(nowMs);
    if (nowMs >= this.#declareDueMs) this.#declare(nowMs);
    if (cause === undefined) return;
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
    registry.withdrawBackup(this.session.key, node, this.record.epoch).catch((caught: unknown) => {
      this.#logger.warn({ err: toAppError(caught) }, 'registry not told that a backup is gone');
    });
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

  #startSequence(nowMs: number): number | undefined {
    const { silentAfterMs } = this.#options;
    const { lastFrameMs, troubledMs } = this.#watch;
    const brokeOffMs = lastFrameMs ?? troubledMs ?? nowMs;
    return this.session.startAfter(Math.max(brokeOffMs, nowMs - silentAfterMs - latestStartMs));
  }

  #declare(nowMs: number): void {
    if (this.#isDeclaring || this.isLocal || this.record.state === 'ended') return;
    this.#isDeclaring = true;
    this.#declareDueMs = nowMs + declareEachMs;
    const { registry, node, clock } = this.#options;
    this.#options.follow(this.record);
    const { key, credential } = this.session;
    const request = {
      stream: key,
      epoch: this.record.epoch,
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
    if (this.#isOver || epoch !== this.record.epoch) return;
    if (current === undefined) this.heard({ ...this.record, state: 'ended' });
    else if (current.epoch === epoch) this.session.close('replaced');
    else this.heard(current);
  }

  async #claim(cause: SwitchCause): Promise<void> {
    this.#isClaiming = true;
    const { registry, node, clock } = this.#options;
    const { key, credential } = this.session;
    const { epoch } = this.record;
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
    const { lastFrameMs, record } = this.#watch;
    const gapMs = lastFrameMs === undefined ? undefined : Math.round(nowMs - lastFrameMs);
    this.#isOver = true;
    this.#options.tookOver(result.record, { record, cause, startSequence, gapMs });
  }
}
