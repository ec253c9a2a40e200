// Who has a stream: the registry's word, and where it does not answer in time, what this edge heard last.
import { AppError, toAppError, type Clock, type Logger, type StreamKey } from '@headwater/contracts';
import type { RegistryEvent, StreamRecord, StreamRegistry } from '@headwater/cluster';
import { Deadlines } from './deadlines.ts';

/** What a look-up needs. */
export interface StreamLookupOptions {
  readonly registry: Pick<StreamRegistry, 'stream'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts look-ups that were answered from memory. */
  readonly remembered: () => void;
}

const lookupMs = 1_500;
const maxRecords = 10_000;

/** Looks streams up. `close` ends what is being waited for. */
export class StreamLookup {
  readonly #options: StreamLookupOptions;
  readonly #deadlines: Deadlines;
  /** By when they were heard of; the oldest go first. */
  readonly #records = new Map<StreamKey, StreamRecord>();

  constructor(options: StreamLookupOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
  }

  /** Never rejects. Undefined: nobody has it, or nobody knows. */
  async find(stream: StreamKey): Promise<StreamRecord | undefined> {
    const before = this.#records.get(stream);
    try {
      const record = await this.#deadlines.within(lookupMs, this.#options.registry.stream(stream), tooLate);
      // Only news that came meanwhile stand against the answer: a registry that lost its memory may have begun anew, lower.
      if (this.#records.get(stream) === before) this.#records.delete(stream);
      return record && this.#remember(record);
    } catch (caught) {
      const known = this.#records.get(stream);
      this.#options.logger.debug(
        { err: toAppError(caught), stream, knownEpoch: known?.epoch },
        'registry lookup failed',
      );
      this.#options.remembered();
      return known;
    }
  }

  /** The registry's news. */
  note(event: RegistryEvent): void {
    if (event.type === 'stream_claimed' || event.type === 'stream_updated') this.#remember(event.record);
    if (event.type === 'stream_ended') this.#forget(event.record);
  }

  close(): void {
    this.#deadlines.close();
  }

  #forget({ stream, epoch }: StreamRecord): void {
    if ((this.#records.get(stream)?.epoch ?? 0) <= epoch) this.#records.delete(stream);
  }

  /** Returns the newest record of the stream: an answer may be older than the news that came meanwhile. */
  #remember(record: StreamRecord): StreamRecord {
    const { stream } = record;
    const known = this.#records.get(stream);
    if (known !== undefined && known.epoch > record.epoch) return known;
    this.#records.delete(stream);
    this.#records.set(stream, record);
    const [oldest] = this.#records.keys();
    if (this.#records.size > maxRecords && oldest !== undefined) this.#records.delete(oldest);
    return record;
  }
}

function tooLate(): AppError {
  return new AppError('registry_unavailable', { details: { limitMs: lookupMs } });
}
