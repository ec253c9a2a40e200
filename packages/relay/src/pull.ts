// What a pull is, seen from both of its ends: the request, and what its answer says beside the frames.
import type { StreamKey } from '@headwater/contracts';

/** Where a puller wants to go on: the next frame that it has not got yet. */
export interface ResumePoint {
  readonly epoch: number;
  readonly sequence: number;
}

/**
 * Whose frames may answer a pull. `owner`: of a stream that the node owns, or follows as its standby. `peer`: of one that
 * it is pulling from there itself at the moment; it must not begin to pull it for this. `agent`: of any, which it pulls on
 * behalf of the puller, waiting for it if it must, until the call is over. `shield`: the same for another edge; the stream is
 * then pulled from its owner or from who stands in for that, never through a further shield.
 */
export type PullReach = 'owner' | 'peer' | 'agent' | 'shield';

/** What a node asks for when it pulls a stream. */
export interface PullRequest {
  readonly stream: StreamKey;
  /** Who pulls; printable ASCII without spaces, 1 to 255 long. */
  readonly nodeId: string;
  /** The highest epoch that the puller has seen: an owner with a lower one is out of date. */
  readonly minEpoch?: number;
  readonly resume?: ResumePoint;
  /** `owner` unless told. */
  readonly reach?: PullReach;
}

/** `live`: the publisher is there. `interrupted`: it is away, and the owner holds the stream. */
export type PulledState = 'live' | 'interrupted';

/** The first answer to a pull. All frames of the pull belong to its epoch. */
export interface OpenedInfo {
  readonly epoch: number;
  /** The sequence number of the first frame that follows, repeated headers and metadata left aside. */
  readonly firstSequence: number;
  /** True when the pull goes on exactly at the resume point that was asked for. */
  readonly resumed: boolean;
  readonly state: PulledState;
}

/** Who answers on a relay address: a node and the run of its process. */
export interface ProbeResult {
  readonly nodeId: string;
  readonly incarnation: string;
  readonly isDraining: boolean;
}
