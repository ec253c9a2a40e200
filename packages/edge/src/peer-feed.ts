// Answers peers' pulls: from streams that this edge is pulling anyway, and at the moment from the owner or standby. So
// no pull of a peer ever begins another one, and none passes through two edges.
import { AppError, toAppError, type StreamKey } from '@headwater/contracts';
import type { PullCall, RelaySource } from '@headwater/relay';
import type { EdgeStream } from './edge-stream.ts';

/** The relay's view of an edge. */
export class PeerFeed implements RelaySource {
  readonly #find: (key: StreamKey) => EdgeStream | undefined;
  readonly #answered: (result: string) => void;

  /** `answered` counts pulls by `served` or the code of the refusal. */
  constructor(find: (key: StreamKey) => EdgeStream | undefined, answered: (result: string) => void) {
    this.#find = find;
    this.#answered = answered;
  }

  open(call: PullCall): void {
    try {
      this.#serve(call);
      this.#answered('served');
    } catch (caught) {
      const error = toAppError(caught);
      this.#answered(error.code);
      call.refuse(error);
    }
  }

  #serve(call: PullCall): void {
    const { stream, reach } = call.request;
    const copy = reach === 'peer' ? this.#find(stream)?.copyForPeers : undefined;
    if (copy === undefined) throw new AppError('stream_not_found', { details: { stream } });
    copy.serve(call, 'live');
  }
}
