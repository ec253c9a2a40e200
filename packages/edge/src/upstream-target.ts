// Whom a stream may be pulled from, and what it depends on who of them is asked.
import type { NodeRecord, NodeRef, StreamRecord } from '@headwater/cluster';

/**
 * `owner`: who has the publisher. `standby`: the origin that follows the stream, with the owner's epoch and numbers.
 * `peer`: another edge that is pulling the stream from one of these. `agent`: who was appointed to pull on this edge's
 * behalf, and follows the stream for it whoever has it. `shield`: the edge of the region through which the others pull.
 */
export type UpstreamKind = 'owner' | 'standby' | 'peer' | 'agent' | 'shield';

/** True for those who stand at the stream's beginning for whoever asks them: there is nobody else to go to. */
export function isAuthority(kind: UpstreamKind): boolean {
  return kind === 'owner' || kind === 'agent';
}

/** True for those that only serve until the owner can be reached again. */
export function isSubstitute(kind: UpstreamKind): boolean {
  return kind === 'standby' || kind === 'peer';
}

/** One node to pull from. */
export interface UpstreamTarget {
  readonly kind: UpstreamKind;
  readonly node: NodeRef;
  /** Its relay, as `RelayClient.pull` takes it. */
  readonly address: string;
}

/** Which node an edge is, and where it stands. */
export interface EdgeNode {
  readonly nodeId: string;
  readonly zone: string;
  readonly region: string;
}

/** `auto`: for streams whose owner is in another region. `always`: for all. */
export type ShieldMode = 'auto' | 'always' | 'off';

/** What the choice depends on. */
export interface CandidateSituation {
  readonly record: StreamRecord;
  /** Node ids of those that did not deliver the stream a moment ago. */
  readonly failed: ReadonlySet<string>;
  readonly nodes: readonly NodeRecord[];
  readonly self: EdgeNode;
  /** `off` unless told. */
  readonly shield?: ShieldMode;
  /** Whether others pull the stream through this edge now. */
  readonly isAsked?: boolean;
}
