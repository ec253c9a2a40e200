// The second publishers of streams: who may be one, and what is opened when one takes over.
import {
  AppError,
  type Counter,
  type Gauge,
  type Histogram,
  type Metrics,
  type StreamKey,
} from '@headwater/contracts';
import { isSameRun, type StreamRecord } from '@headwater/cluster';
import type { CloseReason, Timer } from '@headwater/contracts';
import type { FrameRingLimits } from '@headwater/media';
import { Backup, type BackupSettings, type Switch } from './backup.ts';
import { BackupSession } from './backup-session.ts';
import type { PublishAttempt, PublishContext } from './publish-attempt.ts';
import { silentAfterMs } from './publish-conflict.ts';

/** A publisher that may publish, and that is accepted or has been. */
export interface AdmittedPublisher {
  readonly key: StreamKey;
  readonly credential: string | undefined;
  readonly attempt: PublishAttempt;
  readonly context: PublishContext;
}

/** What backups are made of. */
export interface BackupsOptions extends BackupSettings {
  readonly metrics: Metrics;
  readonly ring: FrameRingLimits;
  /** A backup has the stream now, at that epoch: opens it, fed by the publisher. */
  tookOver(publisher: AdmittedPublisher, epoch: number): void;
  /** A stream has no backup on this node any more. */
  gone(key: StreamKey): void;
}

const lookEachMs = 100;

/** The backups of a node, one a stream. */
export class Backups {
  readonly #options: BackupsOptions;
  readonly #backups = new Map<StreamKey, Backup>();
  readonly #count: Gauge;
  readonly #switches: Counter;
  readonly #gapSeconds: Histogram;
  #timer: Timer | undefined;

  constructor(options: BackupsOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#count = metrics.gauge({
      name: 'headwater_origin_backups',
      help: 'Publishers that stand ready as the backup of a stream.',
    });
    this.#switches = metrics.counter({
      name: 'headwater_backup_switches_total',
      help: 'Streams that a backup on this node took over, by what happened to the primary.',
      labels: ['cause'],
    });
    this.#gapSeconds = metrics.histogram({
      name: 'headwater_backup_switch_gap_seconds',
      help: "From a primary's last frame to the opening of the backup's epoch.",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10],
    });
  }

  get all(): ReadonlyMap<StreamKey, Backup> {
    return this.#backups;
  }

  /**
   * Makes a publisher the backup of a live stream; false when it was not wanted any more by then. Throws
   * `already_publishing` where it cannot be one.
   */
  async accept(
    publisher: AdmittedPublisher,
    current: StreamRecord,
    isWanted: () => boolean,
  ): Promise<boolean> {
    const { key, credential } = publisher;
    const former = this.#backups.get(key);
    // Of two that send, one would send the other away again and again.
    const isInWay = former?.isReady === true && former.session.silentMs < silentAfterMs;
    if (current.credential !== credential || isInWay) {
      throw this.#refusal(current, isInWay ? 'it has a backup already' : 'it has another publisher');
    }
    const record = await this.#declared(publisher, current);
    const isOpened = isWanted();
    if (isOpened) this.#open(publisher, record);
    else this.#withdraw(record);
    return isOpened;
  }

  /** The registry has something new about a stream. */
  heard(record: StreamRecord): void {
    this.#backups.get(record.stream)?.heard(record);
  }

  /** What is followed has changed. */
  look(key: StreamKey): void {
    this.#backups.get(key)?.look();
  }

  /** The owner has ended the stream that is followed. */
  ownerEnded(key: StreamKey, epoch: number, reason: CloseReason): void {
    this.#backups.get(key)?.ownerEnded(epoch, reason);
  }

  /** Sends the backup of a stream away; false when there is none. */
  drop(key: StreamKey, reason: CloseReason): boolean {
    const backup = this.#backups.get(key);
    backup?.session.close(reason);
    return backup !== undefined;
  }

  close(): void {
    for (const { session } of [...this.#backups.values()]) session.close('shutdown');
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #declared({ key, credential }: AdmittedPublisher, current: StreamRecord): Promise<StreamRecord> {
    const { registry, node } = this.#options;
    if (isSameRun(current.owner, node)) return current;
    const result = await registry.declareBackup({
      stream: key,
      epoch: current.epoch,
      node,
      relayAddress: this.#options.relayAddress(),
      ...(credential === undefined ? {} : { credential }),
    });
    if (result.outcome === 'declared') return result.record;
    throw this.#refusal(current, 'it has a backup already, or has just changed hands');
  }

  #withdraw({ stream, epoch, standby }: StreamRecord): void {
    const { registry, node } = this.#options;
    if (standby === undefined || this.#backups.has(stream)) return;
    registry.withdrawBackup(stream, node, epoch).catch(() => undefined);
  }

  #refusal({ stream, owner }: StreamRecord, why: string): AppError {
    return new AppError('already_publishing', { details: { stream, owner: owner.nodeId, why } });
  }

  #open(publisher: AdmittedPublisher, record: StreamRecord): void {
    const { key, credential, attempt, context } = publisher;
    const { clock, logger, ring } = this.#options;
    const former = this.#backups.get(key);
    former?.close(true);
    const session = new BackupSession({
      key,
      credential,
      context,
      clock,
      logger,
      ring,
      startArrived: () => {
        backup.startArrived();
      },
      askedToMove: () => {
        backup.close();
      },
    });
    const backup = new Backup({
      ...this.#options,
      session,
      record,
      tookOver: (claimed, how) => {
        this.#tookOver(publisher, backup, { epoch: claimed.epoch, how });
      },
    });
    this.#backups.set(key, backup);
    former?.session.close('replaced');
    this.#count.set(this.#backups.size);
    this.#timer ??= clock.every(lookEachMs, () => {
      this.#lookAtAll();
    });
    if (!backup.isLocal) this.#options.follow(record);
    session.open(attempt, () => {
      backup.close();
      this.#forget(backup);
    });
  }

  #tookOver(
    { key, credential, context }: AdmittedPublisher,
    backup: Backup,
    { epoch, how }: { readonly epoch: number; readonly how: Switch },
  ): void {
    const { cause, record, startSequence, gapMs } = how;
    this.#switches.add(1, { cause });
    if (gapMs !== undefined) this.#gapSeconds.observe(gapMs / 1_000);
    const fields = {
      stream: key,
      cause,
      gapMs,
      epoch,
      formerEpoch: record.epoch,
      former: record.owner.nodeId,
    };
    this.#options.logger.warn(fields, 'backup took over');
    const attempt = backup.session.takeOver(startSequence);
    this.#options.tookOver({ key, credential, context, attempt }, epoch);
    this.#forget(backup);
  }

  #forget(backup: Backup): void {
    const { key } = backup.session;
    if (this.#backups.get(key) !== backup) return;
    this.#backups.delete(key);
    this.#count.set(this.#backups.size);
    if (this.#backups.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    this.#options.gone(key);
  }

  #lookAtAll(): void {
    for (const backup of [...this.#backups.values()]) backup.look();
  }
}
