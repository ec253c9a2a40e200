import { toAppError, type Logger, type StreamKey } from '@headwater/contracts';
import type { NodeRef, OwnedStream, StreamRegistry } from '@headwater/cluster';

/** What reports are made with. */
export interface StreamReportsOptions {
  readonly registry: Pick<StreamRegistry, 'update' | 'release'>;
  readonly node: NodeRef;
  readonly logger: Logger;
}

/**
 * Tells the registry what becomes of a node's streams. The media path never waits for it: what fails here is repaired by
 * the next heartbeat.
 */
export class StreamReports {
  readonly #options: StreamReportsOptions;

  constructor({ registry, node, logger }: StreamReportsOptions) {
    this.#options = { registry, node, logger };
  }

  /** How a stream stands. */
  update(stream: StreamKey, { epoch, state, codecs }: OwnedStream): void {
    const { registry, node } = this.#options;
    this.#report(registry.update({ stream, owner: node, epoch, state, codecs }), stream, epoch);
  }

  /** The stream is over at that epoch. */
  release(stream: StreamKey, epoch: number): void {
    const { registry, node } = this.#options;
    this.#report(registry.release(stream, node, epoch), stream, epoch);
  }

  #report(change: Promise<boolean>, stream: StreamKey, epoch: number): void {
    change.catch((caught: unknown) => {
      const fields = { stream, epoch, err: toAppError(caught) };
      this.#options.logger.warn(fields, 'registry not told of a stream change');
    });
  }
}
