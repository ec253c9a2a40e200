// The streams that this node follows: those whose standby it is by the registry's word, and those that a publisher of its
// own is the backup of.
import type { Clock, CloseReason, Gauge, Logger, Metrics, StreamKey } from '@headwater/contracts';
import {
  isSameRun,
  type NodeRef,
  type RegistryEvent,
  type StreamRecord,
  type StreamRegistry,
} from '@headwater/cluster';
import type { FrameRingLimits } from '@headwater/media';
import type { RelayClient } from '@headwater/relay';
import { FollowAgain } from './follow-again.ts';
import { StreamFollower } from './stream-follower.ts';

/** What followers are made of. */
export interface StandbyFollowersOptions {
  readonly node: NodeRef;
  readonly registry: Pick<StreamRegistry, 'stream'>;
  readonly relay: Pick<RelayClient, 'pull'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly ring: FrameRingLimits;
  readonly holdMs: number;
  random(): number;
  /** True where a stream is followed whoever its standby is. */
  isPinned(key: StreamKey): boolean;
  /** A follower's state may have changed, or it is over, for that reason. */
  changed(follower: StreamFollower, endedBy?: CloseReason): void;
}

/** Followers by stream; each is of one epoch. */
export class StandbyFollowers {
  readonly #options: StandbyFollowersOptions;
  readonly #followers = new Map<StreamKey, StreamFollower>();
  readonly #again: FollowAgain;
  readonly #count: Gauge;
  #isClosed = false;

  constructor(options: StandbyFollowersOptions) {
    this.#options = options;
    this.#again = new FollowAgain({
      ...options,
      random: () => options.random(),
      isAppointed: (record) => this.#isToFollow(record),
      follow: (record) => {
        this.#follow(record, this.#followers.get(record.stream));
      },
    });
    this.#count = options.metrics.gauge({
      name: 'headwater_origin_followers',
      help: 'Streams of other origins that this one follows, as their standby or for a backup of its own.',
    });
  }

  get all(): ReadonlyMap<StreamKey, StreamFollower> {
    return this.#followers;
  }

  /** Something happened in the registry. */
  heard(event: RegistryEvent): void {
    if (!('record' in event)) return;
    const { record } = event;
    this.#again.forget(record.stream);
    const current = this.#followers.get(record.stream);
    if (current !== undefined && record.epoch < current.epoch) return;
    if (event.type === 'stream_ended') current?.endedElsewhere();
    else this.#follow(record, current);
  }

  /** Follows that epoch of a stream, and none before it. */
  ensure(record: StreamRecord): StreamFollower | undefined {
    const current = this.#followers.get(record.stream);
    if (this.#isClosed || (current !== undefined && current.epoch >= record.epoch)) return current;
    current?.close('replaced');
    const follower = new StreamFollower({
      ...this.#options,
      record,
      changed: (changed) => {
        this.#options.changed(changed);
      },
      closed: (closed, reason) => {
        if (this.#followers.get(record.stream) === closed) this.#followers.delete(record.stream);
        this.#count.set(this.#followers.size);
        // Cut off from the owner for too long: whether the stream is still to be followed is for the registry to say.
        if (reason === 'publisher_lost') this.#again.lost(record.stream);
        this.#options.changed(closed, reason);
      },
    });
    this.#followers.set(record.stream, follower);
    this.#count.set(this.#followers.size);
    return follower;
  }

  close(): void {
    this.#isClosed = true;
    this.#again.close();
    for (const follower of [...this.#followers.values()]) follower.close('shutdown');
  }

  #follow(record: StreamRecord, current: StreamFollower | undefined): void {
    if (this.#isToFollow(record)) {
      this.ensure(record)?.recorded(record);
    } else if (current !== undefined) {
      current.close(record.epoch > current.epoch ? 'replaced' : 'client_closed');
    }
  }

  #isToFollow({ stream, owner, standby }: StreamRecord): boolean {
    const { node } = this.#options;
    if (isSameRun(owner, node)) return false;
    const isAppointed = standby !== undefined && isSameRun(standby, node);
    return isAppointed || this.#options.isPinned(stream);
  }
}
