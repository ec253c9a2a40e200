import { AppError } from '@headwater/contracts';
import type { Edge } from '@headwater/edge';
import type { PullCall, RelaySource } from '@headwater/relay';

/** Who answers on a node's relay. */
export interface RelaySourceParts {
  readonly origin: RelaySource | undefined;
  readonly edge: Pick<Edge, 'peerFeed' | 'shieldFeed'> | undefined;
}

/** Hands pulls of other edges to the edge, and all others to the origin. */
export class RelaySources implements RelaySource {
  readonly #parts: RelaySourceParts;

  constructor(parts: RelaySourceParts) {
    this.#parts = parts;
  }

  open(call: PullCall): void {
    const { stream, reach } = call.request;
    const { origin, edge } = this.#parts;
    const source = reach === 'peer' ? edge?.peerFeed : reach === 'shield' ? edge?.shieldFeed : origin;
    if (source === undefined) call.refuse(new AppError('stream_not_found', { details: { stream } }));
    else source.open(call);
  }
}
