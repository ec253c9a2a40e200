// What keeps a stream going when its owner or its publisher fails: followers of other origins' streams, second publishers
// that stand ready, and what this node has to know of both for the streams that it owns itself.
import type { CloseReason, Metrics, StreamKey } from '@headwater/contracts';
import {
  isSameRun,
  type RegistryEvent,
  type Standby,
  type StreamRecord,
  type Watch,
} from '@headwater/cluster';
import type { FrameRingLimits } from '@headwater/media';
import type { RelayClient } from '@headwater/relay';
import type { BackupSettings } from './backup.ts';
import { Backups, type AdmittedPublisher } from './backups.ts';
import type { OriginStream } from './origin-stream.ts';
import type { ServedStream } from './served-stream.ts';
import { StandbyFollowers } from './standby-followers.ts';
import type { StreamFollower } from './stream-follower.ts';

/** What continuity is made of. */
export interface ContinuityOptions extends Pick<
  BackupSettings,
  'registry' | 'node' | 'clock' | 'logger' | 'relayAddress' | 'silentAfterMs'
> {
  readonly metrics: Metrics;
  /** Left out: nothing is followed. */
  readonly relay: Pick<RelayClient, 'pull' | 'probe'> | undefined;
  readonly ring: FrameRingLimits;
  readonly holdMs: number;
  random(): number;
  /** A stream that this node owns. */
  ownStream(key: StreamKey): OriginStream | undefined;
  /** The registry has granted an epoch of a stream, to whomever. */
  granted(record: StreamRecord): void;
  /** Another node has this stream by now, which this one has at that epoch. */
  superseded(key: StreamKey, epoch: number): void;
  /** A backup has the stream now, at that epoch: opens it, fed by the publisher. */
  tookOver(publisher: AdmittedPublisher, epoch: number): void;
  /** A stream of this node that may have been left to its backup has none any more. */
  backupGone(key: StreamKey): void;
  /** Those who pull a followed stream from here are to hear how it stands. */
  followedChanged(stream: ServedStream): void;
}

const probeMs = 500;

/** Followers, backups, and the standbys of own streams. */
export class Continuity {
  readonly backups: Backups;
  readonly #options: ContinuityOptions;
  readonly #followers: StandbyFollowers | undefined;
  readonly #standbys = new Map<StreamKey, Standby>();
  readonly #watch: Watch;

  constructor(options: ContinuityOptions) {
    this.#options = options;
    const { relay, registry } = options;
    this.backups = new Backups({
      ...options,
      relayAddress: () => options.relayAddress(),
      probe: async (address) =>
        (await relay?.probe(address, probeMs).then(
          () => true,
          () => false,
        )) ?? false,
      ownPublisher: (key) => options.ownStream(key)?.publisher,
      follow: (record) => {
        this.#followers?.ensure(record);
      },
      follower: (key) => this.#followers?.all.get(key),
      tookOver: (publisher, epoch) => {
        options.tookOver(publisher, epoch);
      },
      gone: (key) => {
        this.#backupGone(key);
      },
    });
    if (relay !== undefined) {
      this.#followers = new StandbyFollowers({
        ...options,
        relay,
        random: () => options.random(),
        isPinned: (key) => this.backups.all.has(key),
        changed: (follower, endedBy) => {
          this.#followerChanged(follower, endedBy);
        },
      });
    }
    this.#watch = registry.watch((event) => {
      this.#heard(event);
    });
  }

  /** Streams of other origins that are followed. */
  get followed(): ReadonlyMap<StreamKey, StreamFollower> {
    return this.#followers?.all ?? new Map<StreamKey, StreamFollower>();
  }

  /** The standby of a stream that this node owns, by the registry's word. */
  standbyOf(key: StreamKey): Standby | undefined {
    return this.#standbys.get(key);
  }

  /** True when a second publisher can go on with a stream that this node owns. */
  hasBackup(key: StreamKey): boolean {
    const local = this.backups.all.get(key);
    return (local?.isLocal === true && local.isReady) || this.#standbys.get(key)?.publishes === true;
  }

  /** A stream that this node owned is over: the registry may be away, and never say so. */
  ownEnded(key: StreamKey): void {
    this.#standbys.delete(key);
  }

  /** What pulls of a stream are answered from: what this node owns, or what it follows of a higher epoch. */
  served(key: StreamKey): ServedStream | undefined {
    const own = this.#options.ownStream(key);
    const followed = this.#followers?.all.get(key);
    if (followed?.hasMedia !== true || (own !== undefined && own.epoch >= followed.epoch)) return own;
    return followed;
  }

  close(): void {
    this.#watch.close();
    this.backups.close();
    this.#followers?.close();
  }

  #heard(event: RegistryEvent): void {
    if (event.type === 'node_left') this.#forgetStandbysOn(event.node);
    if (!('record' in event)) return;
    const { record } = event;
    if (event.type === 'stream_claimed') this.#options.granted(record);
    this.#noteStandby(record);
    this.#followers?.heard(event);
    this.backups.heard(record);
    const own = this.#options.ownStream(record.stream);
    const isElsewhere = event.type === 'stream_claimed' && !isSameRun(record.owner, this.#options.node);
    if (own !== undefined && isElsewhere && record.epoch > own.epoch) {
      this.#options.superseded(record.stream, own.epoch);
    }
  }

  #noteStandby({ stream, owner, standby, state }: StreamRecord): void {
    const had = this.#standbys.get(stream);
    const isOwn = isSameRun(owner, this.#options.node) && state !== 'ended';
    if (isOwn && standby !== undefined) this.#standbys.set(stream, standby);
    else this.#standbys.delete(stream);
    if (isOwn && had?.publishes === true && standby?.publishes !== true) this.#options.backupGone(stream);
  }

  #forgetStandbysOn(node: { readonly nodeId: string; readonly incarnation: string }): void {
    for (const [stream, standby] of this.#standbys) {
      if (!isSameRun(standby, node)) continue;
      this.#standbys.delete(stream);
      if (standby.publishes === true) this.#options.backupGone(stream);
    }
  }

  #backupGone(key: StreamKey): void {
    this.#followers?.all.get(key)?.close('client_closed');
    if (!this.hasBackup(key)) this.#options.backupGone(key);
  }

  #followerChanged(follower: StreamFollower, endedBy: CloseReason | undefined): void {
    const { key, epoch } = follower;
    if (endedBy === undefined) this.#options.followedChanged(follower);
    else this.backups.ownerEnded(key, epoch, endedBy);
    this.backups.look(key);
  }
}
