// What a backup sees of its primary: by the follower of its stream, by the registry's word, by probes of its owner, or, on
// the same node, directly.
import type { Clock, CloseReason, StreamKey } from '@headwater/contracts';
import { isSameRun, type NodeRef, type StreamRecord } from '@headwater/cluster';
import type { CurrentPublisher } from './publish-conflict.ts';
import type { StreamFollower } from './stream-follower.ts';
import { switchCause, type PrimarySight, type SwitchCause } from './switch-decision.ts';

/** By what a primary is seen. */
export interface PrimarySources {
  readonly node: NodeRef;
  readonly clock: Clock;
  /** A primary that has sent nothing for this long is taken over from. */
  readonly silentAfterMs: number;
  /** Whether a node answers on its relay address. Resolves within a bound; never rejects. */
  probe(relayAddress: string): Promise<boolean>;
  /** The publisher of a stream that this node owns; undefined when it does not. */
  ownPublisher(key: StreamKey): CurrentPublisher | undefined;
  /** Who follows a stream; undefined when nobody does. */
  follower(key: StreamKey): StreamFollower | undefined;
}

/** What a watch is made of. */
export interface PrimaryWatchOptions extends PrimarySources {
  readonly record: StreamRecord;
  /** A probe was answered, or was not: worth a look. */
  probed(): void;
}

// How long the owner's own word about an end is waited for, once the registry has spoken of it.
const lastWordsMs = 500;
const probeEachMs = 500;
// Who stood still himself judges nobody for a while: what came meanwhile has not been read yet. One that stands still all
// the time has to judge in the end.
const stoodStillMs = 400;
const distrustEachMs = 5_000;

/** Watches the primary of one stream, epoch after epoch. It has no timers: whoever owns it looks often. */
export class PrimaryWatch {
  readonly #options: PrimaryWatchOptions;
  #record: StreamRecord;
  #lastFrameMs: number | undefined;
  #lookedMs: number;
  #watchedSinceMs: number;
  #distrustedMs = Number.NEGATIVE_INFINITY;
  #endedMs: number | undefined;
  #troubledMs: number | undefined;
  #probeDueMs = 0;
  #isProbing = false;
  #hasProbeFailed = false;

  constructor(options: PrimaryWatchOptions) {
    this.#options = options;
    this.#record = options.record;
    this.#lookedMs = this.#watchedSinceMs = options.clock.nowMs();
  }

  /** The stream at the epoch that is watched. */
  get record(): StreamRecord {
    return this.#record;
  }

  /** True while the primary publishes to the same node. */
  get isLocal(): boolean {
    return isSameRun(this.#record.owner, this.#options.node);
  }

  /** When the newest frame of the epoch came in; undefined before any. */
  get lastFrameMs(): number | undefined {
    return this.#lastFrameMs;
  }

  /** When the trouble that goes on now was first seen. */
  get troubledMs(): number | undefined {
    return this.#troubledMs;
  }

  /** The registry's word about the epoch that is watched, or about a newer one. True where that is newer. */
  heard(record: StreamRecord): boolean {
    const isNewer = record.epoch > this.#record.epoch;
    if (isNewer) this.#beginEpoch();
    this.#record = record;
    if (record.state === 'ended') this.#endedMs ??= this.#options.clock.nowMs();
    return isNewer;
  }

  /** The owner's own word about the end: nothing more is waited for. */
  ownerEnded(reason: CloseReason): boolean {
    if (reason !== 'unpublished' && reason !== 'hold_expired') return false;
    this.#record = { ...this.#record, state: 'ended' };
    this.#endedMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** Looks, and says why the primary is to be taken over from; undefined while it is as it should be. */
  look(nowMs: number): SwitchCause | undefined {
    this.#distrustMyself(nowMs);
    const sight = this.isLocal ? this.#ownSight(nowMs) : this.#remoteSight(nowMs);
    this.#lastFrameMs = sight.lastFrameMs;
    const { silentAfterMs } = this.#options;
    const cause = switchCause(sight, { nowMs, watchedSinceMs: this.#watchedSinceMs, silentAfterMs });
    if (cause === undefined) this.#troubledMs = undefined;
    else this.#troubledMs ??= nowMs;
    return cause;
  }

  #beginEpoch(): void {
    this.#watchedSinceMs = this.#options.clock.nowMs();
    this.#lastFrameMs = undefined;
    this.#endedMs = undefined;
    this.#troubledMs = undefined;
    this.#hasProbeFailed = false;
  }

  #distrustMyself(nowMs: number): void {
    const hasStoodStill = nowMs - this.#lookedMs > stoodStillMs;
    this.#lookedMs = nowMs;
    if (!hasStoodStill || nowMs - this.#distrustedMs < distrustEachMs) return;
    this.#distrustedMs = this.#watchedSinceMs = nowMs;
  }

  #ownSight(nowMs: number): PrimarySight {
    const own = this.#options.ownPublisher(this.#record.stream);
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

  #probe(nowMs: number): void {
    if (this.#isProbing || nowMs < this.#probeDueMs) return;
    this.#isProbing = true;
    const { epoch, relayAddress } = this.#record;
    void this.#options.probe(relayAddress).then((hasAnswered) => {
      this.#isProbing = false;
      this.#probeDueMs = this.#options.clock.nowMs() + probeEachMs;
      if (epoch !== this.#record.epoch) return;
      this.#hasProbeFailed = !hasAnswered;
      this.#options.probed();
    });
  }
}
