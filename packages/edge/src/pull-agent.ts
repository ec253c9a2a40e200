import type { StreamKey } from '@headwater/contracts';
import type { NodeRef, StreamRecord } from '@headwater/cluster';

/** Who pulls streams on an edge's behalf. */
export interface PullAgent {
  readonly node: NodeRef;
  /** Its relay, as `RelayClient.pull` takes it. */
  readonly address: string;
  /** Whether a stream is live, without having it pulled. */
  hasLive(stream: StreamKey): Promise<boolean>;
}

/** Who has a stream is the agent's to find out: from here all have it that the agent will pull. */
export function recordOf(stream: StreamKey, { node: owner, address: relayAddress }: PullAgent): StreamRecord {
  return { stream, owner, relayAddress, epoch: 0, state: 'live', codecs: [], sinceMs: 0 };
}
