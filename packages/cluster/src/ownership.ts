// Who has a stream when two say so: after a failover that lost writes, or when a registry is rebuilt from heartbeats.
import { AppError, type StreamKey } from '@headwater/contracts';
import type { NodeRef } from './node-record.ts';
import type { Standby, StreamRecord } from './stream-record.ts';
import type { ClaimRequest, OwnedState, OwnedStream } from './stream-registry.ts';

/** One party's title to a stream. */
export interface OwnershipTitle {
  readonly epoch: number;
  readonly owner: NodeRef;
}

/** True when `a` has the better title: the higher epoch, at equal epochs the node id that is larger byte by byte. */
export function outranks(a: OwnershipTitle, b: OwnershipTitle): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  return Buffer.compare(Buffer.from(a.owner.nodeId), Buffer.from(b.owner.nodeId)) > 0;
}

/**
 * What a registry makes of a stream that a heartbeat names. `kept`: as recorded, or the node itself has claimed it anew
 * since it wrote the beat. `lost`: somebody else has it, or it has ended: by the node itself, which has nothing to drop then,
 * or by a controller that held the node for dead. `missing`: the node is right and the registry is not.
 */
export type OwnedVerdict = 'kept' | 'lost' | 'missing';

/** Judges one stream of a beat. `lastEpoch` is that of a stream that has ended; it counts when there is no record. */
export function judgeOwned(
  claimed: OwnershipTitle,
  current: StreamRecord | undefined,
  lastEpoch: number,
): OwnedVerdict {
  if (current === undefined) return lastEpoch >= claimed.epoch ? 'lost' : 'missing';
  if (isSameRun(current.owner, claimed.owner)) return current.epoch >= claimed.epoch ? 'kept' : 'missing';
  return outranks(claimed, current) ? 'missing' : 'lost';
}

/** Throws `request_malformed` where an epoch of a claim is none. */
export function assertClaimEpochs({ seenEpoch = 0, servedEpoch = 1 }: ClaimRequest): void {
  const isEpoch = (value: number, least: number): boolean =>
    Number.isSafeInteger(value) && value >= least && value < Number.MAX_SAFE_INTEGER;
  if (isEpoch(seenEpoch, 0) && isEpoch(servedEpoch, 1)) return;
  throw new AppError('request_malformed', {
    details: { seenEpoch, servedEpoch, expected: 'whole numbers below 2^53 - 1' },
  });
}

/** The epoch that a claim is granted. `last` is that of a stream that has ended; it counts when there is no record. */
export function grantedEpoch(
  { owner, seenEpoch = 0, servedEpoch }: ClaimRequest,
  known: { readonly current: StreamRecord | undefined; readonly last: number; readonly wallMs: number },
): number {
  const { current, wallMs } = known;
  const last = current?.epoch ?? known.last;
  const isRecorded =
    current?.epoch === servedEpoch && current !== undefined && isSameRun(current.owner, owner);
  if (servedEpoch !== undefined && (servedEpoch > last || isRecorded)) return servedEpoch;
  return Math.max(last + 1, seenEpoch + 1, (servedEpoch ?? 0) + 1, Math.floor(wallMs));
}

/** The record of a stream as its owner asserts it. */
export function assertedRecord(stream: StreamKey, owner: NodeRef, owned: OwnedStream): StreamRecord {
  return {
    stream,
    owner: { nodeId: owner.nodeId, incarnation: owner.incarnation },
    relayAddress: owned.relayAddress,
    epoch: owned.epoch,
    state: owned.state,
    ...(owned.credential === undefined ? {} : { credential: owned.credential }),
    codecs: [...owned.codecs],
    sinceMs: owned.sinceMs,
  };
}

/** True when a record already says what its owner says. */
export function agreesWith(
  record: StreamRecord,
  said: { state: OwnedState; codecs: readonly string[] },
): boolean {
  return (
    record.state === said.state &&
    record.codecs.length === said.codecs.length &&
    record.codecs.every((codec, index) => codec === said.codecs[index])
  );
}

/** True for the same run of the same node. */
export function isSameRun(a: NodeRef, b: NodeRef): boolean {
  return a.nodeId === b.nodeId && a.incarnation === b.incarnation;
}

/** True for the same run of the same node at the same address, and for nobody twice. */
export function isSameStandby(a: Standby | undefined, b: Standby | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return isSameRun(a, b) && a.relayAddress === b.relayAddress && a.publishes === b.publishes;
}

/** The same record with another standby, or with none. */
export function withStandby(record: StreamRecord, standby: Standby | undefined): StreamRecord {
  const changed: { -readonly [Key in keyof StreamRecord]: StreamRecord[Key] } = { ...record };
  if (standby === undefined) delete changed.standby;
  else changed.standby = standby;
  return changed;
}
