import type { StreamKey } from '@headwater/contracts';
import type { NodeRef } from './node-record.ts';

/**
 * `live`: the owner has a publisher. `interrupted`: the publisher is away, the owner holds the stream.
 * `orphaned`: the owner is dead. `ended`: over; only the epoch is remembered.
 */
export type StreamState = 'live' | 'interrupted' | 'orphaned' | 'ended';

/** The node that follows a stream, so that a switch to it finds a warm ring. */
export interface Standby extends NodeRef {
  /** Where to pull the stream from it, `host:port`. */
  readonly relayAddress: string;
  /**
   * A second publisher sends the stream to it: the declared backup, which may take the epoch over while its owner lives.
   * Controllers leave it alone for as long as its node lives. Absent for a standby that was merely appointed.
   */
  readonly publishes?: true;
}

/** A stream as the registry knows it. */
export interface StreamRecord {
  readonly stream: StreamKey;
  readonly owner: NodeRef;
  /** Where to pull it from, `host:port`; empty when it has ended. */
  readonly relayAddress: string;
  /** The fencing number of this ownership: grows with each, whatever happens to the registry's memory. */
  readonly epoch: number;
  readonly state: StreamState;
  /** The digest that a publisher must prove to take the stream over; absent when it published without one. */
  readonly credential?: string;
  readonly codecs: readonly string[];
  /** Appointed for this epoch by a controller, or declared by a backup; absent when there is none. */
  readonly standby?: Standby;
  /** Registry time at which this epoch began, Unix ms; for display only. */
  readonly sinceMs: number;
}
