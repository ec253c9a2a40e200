// Pulls on behalf of others, as their agent or as the shield of their region: whoever asks here gets the stream as its owner numbers it, whoever that is. The edge pulls it
// once, for its own viewers and for all who ask; a pull is a share in the stream like a viewer, with the same waiting for
// a stream that is yet to come, and hears of interruptions and of the end as viewers do. At a new epoch it ends as
// `replaced`, and the puller comes back for that.
import { toAppError, type StreamKey } from '@headwater/contracts';
import type { PullCall, RelaySource } from '@headwater/relay';
import type { EdgeStream, StreamLease } from './edge-stream.ts';

/** What an agent feed needs. */
export interface AgentFeedOptions {
  /** The edge's stream, opened where it is not there yet. May throw. */
  readonly open: (key: StreamKey) => EdgeStream;
  /** A share in it. */
  readonly acquire: (stream: EdgeStream, lingerMs: number) => StreamLease;
  /** Counts pulls by `served` or the code of the refusal. */
  readonly answered: (result: string) => void;
}

// Pullers linger themselves. This is for the time between two pulls of one of them: at a new epoch, or after a cut.
const lingerMs = 3_000;

/** The relay's view of an edge that is the agent, or the shield, of others. */
export class AgentFeed implements RelaySource {
  readonly #options: AgentFeedOptions;

  constructor(options: AgentFeedOptions) {
    this.#options = options;
  }

  open(call: PullCall): void {
    void this.#serve(call);
  }

  async #serve(call: PullCall): Promise<void> {
    const { open, acquire, answered } = this.#options;
    try {
      const stream = open(call.request.stream);
      const lease = acquire(stream, lingerMs);
      call.onClosed(lease.release);
      await lease.ready;
      if (call.isClosed) return;
      stream.serve(call);
      answered('served');
    } catch (caught) {
      const error = toAppError(caught);
      if (!call.isClosed) answered(error.code);
      call.refuse(error);
    }
  }
}
