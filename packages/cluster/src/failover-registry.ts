// What controllers ask of the registry, beside what everybody asks of it. All writes carry the token of a leadership and
// compare what they are based on, so that neither a leader that was paused nor two at once can do harm.
// Implementations pass the suite in `testing/failover-conformance.ts`.
import type { StreamKey } from '@headwater/contracts';
import type { NodeRecord, NodeRef } from './node-record.ts';
import type { Standby } from './stream-record.ts';

/** A node whose lease runs. */
export interface NodeSighting {
  readonly node: NodeRecord;
  /** How long ago it joined or beat, by the registry's clock. */
  readonly silentMs: number;
}

/**
 * `applied`: done. `unchanged`: it was so already. `conflict`: what the write was based on is so no longer.
 * `fenced`: a later leadership exists.
 */
export type FencedOutcome = 'applied' | 'unchanged' | 'conflict' | 'fenced';

/** Ends a node's lease before its time. */
export interface ExpelRequest {
  readonly token: number;
  readonly node: NodeRef;
  /** How long the node must have been silent by now, by the registry's clock: a conflict when it has beaten since. */
  readonly silentMs: number;
}

/** Names the node that follows a stream, ready to go on with it, or nobody. A conflict while a declared backup lives. */
export interface StandbyRequest {
  readonly token: number;
  readonly stream: StreamKey;
  /** A conflict when the stream has ended or is at another epoch. */
  readonly epoch: number;
  readonly standby: Standby | undefined;
}

/** Ends a stream whose owner is dead and that nobody came back for. */
export interface EndOrphanRequest {
  readonly token: number;
  readonly stream: StreamKey;
  /** A conflict when the stream is at another epoch, or is orphaned no longer. `unchanged` when it has ended. */
  readonly epoch: number;
}

/** Every method may reject with `registry_unavailable`. */
export interface FailoverRegistry {
  /** Refuses from now on what leaderships with a lower token write. False when a higher one has been here. */
  fence(token: number): Promise<boolean>;
  /** The nodes whose lease runs, and how long each has been silent. */
  sightings(): Promise<readonly NodeSighting[]>;
  /**
   * The node is held for dead: its lease ends, its streams are orphaned at once, as if it had left. One that lives all the
   * same joins again at its next beat, and gets back what nobody has claimed meanwhile.
   */
  expel(request: ExpelRequest): Promise<FencedOutcome>;
  setStandby(request: StandbyRequest): Promise<FencedOutcome>;
  endOrphan(request: EndOrphanRequest): Promise<FencedOutcome>;
}
