import { AppError } from '@headwater/contracts';
import type { PullCall, RelaySource } from '@headwater/relay';

/** Who answers on a node's relay. */
export interface RelaySourceParts {
  readonly origin: RelaySource | undefined;
  readonly edge: RelaySource | undefined;
}

/** Hands pulls of peers to the edge, and all others to the origin. */
export class RelaySources implements RelaySource {
  readonly #parts: RelaySourceParts;

  constructor(parts: RelaySourceParts) {
    this.#parts = parts;
  }

  open(call: PullCall): void {
    const { stream, reach } = call.request;
    const source = reach === 'peer' ? this.#parts.edge : this.#parts.origin;
    if (source === undefined) call.refuse(new AppError('stream_not_found', { details: { stream } }));
    else source.open(call);
  }
}
