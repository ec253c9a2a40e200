// The registry is the cluster's one shared memory: who is there, who owns which stream, at which epoch. The media path
// never waits for it. Implementations pass the suite in `testing/registry-conformance.ts`.
import type { StreamKey } from '@headwater/contracts';
import type { NodeLoad, NodeRecord, NodeRef } from './node-record.ts';
import type { StreamRecord, StreamState } from './stream-record.ts';

/** What a publisher's node asks for. */
export interface ClaimRequest {
  readonly stream: StreamKey;
  readonly owner: NodeRef;
  readonly relayAddress: string;
  readonly credential?: string;
  /**
   * True when the claiming node has seen for itself that it may replace the current owner: it owns the stream itself and
   * its publisher was silent or is the same party. Between nodes an equal `credential` is what allows a takeover.
   */
  readonly mayReplace?: boolean;
  /** The highest epoch the claimer has ever seen for the stream, a safe integer; the granted one is above it. */
  readonly seenEpoch?: number;
  /**
   * Set where the claim is late: the epoch at which the claimer serves the stream already, having begun while the registry
   * was away. Granted as it is where it is above all that the registry knows of the stream, or recorded for the claimer;
   * a higher one is granted else. It allows no takeover, and none of what another node has live at a higher epoch.
   */
  readonly servedEpoch?: number;
  /** The publisher yields to one that is live: an equal credential takes over only what is interrupted. */
  readonly yields?: boolean;
  /** The claimer is the declared backup of this epoch: it takes that over, dead or alive, and nothing else that lives. */
  readonly backupOf?: number;
}

/** `claimed` carries the new record; `refused` the record of the owner that stands in the way. */
export type ClaimResult =
  | { readonly outcome: 'claimed'; readonly record: StreamRecord }
  | { readonly outcome: 'refused'; readonly current: StreamRecord };

/** A node whose second publisher stands ready for a stream. */
export interface BackupRequest {
  readonly stream: StreamKey;
  /** The epoch that it stands ready for. */
  readonly epoch: number;
  readonly node: NodeRef;
  /** Where to pull the stream from the node, `host:port`. */
  readonly relayAddress: string;
  /** What the publisher of the epoch must have proven, too; left out where it proved nothing. */
  readonly credential?: string;
}

/**
 * `declared` carries the record with the node as its standby, also when it was so before. `refused`: the stream has ended
 * (no record), is at another epoch, was published by another party, or has a backup on another node that lives.
 */
export type BackupResult =
  | { readonly outcome: 'declared'; readonly record: StreamRecord }
  | { readonly outcome: 'refused'; readonly current: StreamRecord | undefined };

/** What an owner says of its stream; `orphaned` and `ended` come about by themselves. */
export type OwnedState = Extract<StreamState, 'live' | 'interrupted'>;

/** A change to a stream by its owner; refused (false) when owner or epoch are no longer current. */
export interface StreamUpdate {
  readonly stream: StreamKey;
  readonly owner: NodeRef;
  readonly epoch: number;
  readonly state?: OwnedState;
  readonly codecs?: readonly string[];
}

/** A stream as its owner knows it: all that a registry which lost its memory needs to have it back. */
export interface OwnedStream {
  readonly epoch: number;
  readonly state: OwnedState;
  readonly relayAddress: string;
  readonly credential?: string;
  readonly codecs: readonly string[];
  /** When the epoch began, Unix ms; for display only. */
  readonly sinceMs: number;
}

/** What a heartbeat carries. */
export interface Heartbeat {
  readonly node: NodeRef;
  readonly load: NodeLoad;
  readonly isDraining: boolean;
  /**
   * The streams that the node believes it owns. What the registry does not know of them, or knows wrongly, it takes from
   * here; where another owner is recorded, the higher epoch has it, at equal epochs the larger node id.
   */
  readonly owned: ReadonlyMap<StreamKey, OwnedStream>;
}

/**
 * `lost` names the streams of the heartbeat that another node, or another run of this one, has by right, or that have
 * ended: drop them. `surplus` names, by epoch, those that the registry has under this run of the node though the beat does
 * not name them, or names a lower epoch: a claim that is under way, or one whose answer never arrived; release what stays.
 * `unknown_node`: the lease ran out, or the registry lost its memory: join again. `superseded`: another run of the process
 * has joined under this name: drop everything and do not come back, unless it is one from before a failover, whose lease
 * ends.
 */
export type HeartbeatResult =
  | {
      readonly outcome: 'renewed';
      readonly lost: readonly StreamKey[];
      readonly surplus: ReadonlyMap<StreamKey, number>;
    }
  | { readonly outcome: 'unknown_node' }
  | { readonly outcome: 'superseded' };

/**
 * What watchers hear of, in the order in which it happened. `stream_updated` tells of codecs and of every change of state,
 * `node_updated` of a new announcement and of draining; load is read by `nodes`. That a lease ran out may be heard late.
 */
export type RegistryEvent =
  | { readonly type: 'stream_claimed'; readonly record: StreamRecord }
  | { readonly type: 'stream_updated'; readonly record: StreamRecord }
  | { readonly type: 'stream_ended'; readonly record: StreamRecord }
  | { readonly type: 'node_joined'; readonly node: NodeRecord }
  | { readonly type: 'node_updated'; readonly node: NodeRecord }
  | { readonly type: 'node_left'; readonly node: NodeRef };

/** A running watch; closing twice does nothing. */
export interface Watch {
  close(): void;
}

/** Nodes, streams and their ownership. Every method may reject with `registry_unavailable`. */
export interface StreamRegistry {
  /**
   * Announces a node, or replaces its earlier incarnation, whose streams become orphaned. A node that comes back as the
   * same incarnation gets back what nobody has claimed meanwhile.
   */
  join(node: NodeRecord): Promise<void>;
  /** Renews the node's lease and all that it owns, and restores what the registry has forgotten of it. */
  heartbeat(beat: Heartbeat): Promise<HeartbeatResult>;
  /** The node stops: its streams become orphaned at once. Does nothing for another incarnation. */
  leave(node: NodeRef): Promise<void>;
  /** The nodes whose lease runs. */
  nodes(): Promise<readonly NodeRecord[]>;

  /**
   * Succeeds when the stream is free, ended, orphaned, owned by a dead node, or may be taken over; raises the epoch.
   * Taken over may be: a stream published with the same credential; one that the claimer owns, with `mayReplace`; an
   * interrupted one that was published without a credential, since nobody can prove to be its publisher; the epoch that
   * the claimer is the declared backup of.
   * Rejects with `registry_unavailable` when the claimer has not joined or its lease has run out: the next beat mends it.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /** Compare-and-set by owner and epoch. */
  update(update: StreamUpdate): Promise<boolean>;
  /** Compare-and-delete by owner and epoch: the stream ends. False when it is not the owner's any more. */
  release(stream: StreamKey, owner: NodeRef, epoch: number): Promise<boolean>;
  /**
   * Makes the node the declared backup of an epoch, in place of a standby that was appointed. Rejects with
   * `registry_unavailable` when the node has not joined or its lease has run out.
   */
  declareBackup(request: BackupRequest): Promise<BackupResult>;
  /** The node is no backup of that epoch any more. False when it was not. */
  withdrawBackup(stream: StreamKey, node: NodeRef, epoch: number): Promise<boolean>;
  /** Undefined when nobody has claimed it or it has ended. */
  stream(stream: StreamKey): Promise<StreamRecord | undefined>;
  /** All that have not ended. */
  streams(): Promise<readonly StreamRecord[]>;

  /** Hears every event from now on. Listeners must not throw. */
  watch(listener: (event: RegistryEvent) => void): Watch;
  close(): Promise<void>;
}
