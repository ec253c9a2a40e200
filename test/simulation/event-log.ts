import type {
  MemoryStreamRegistry,
  RegistryEvent,
  RegistryListing,
  UpstreamReport,
} from '@headwater/cluster';

/** An event or a report, with a number that no other entry ever has. */
export interface LogEntry {
  readonly id: number;
  readonly event?: RegistryEvent;
  readonly report?: UpstreamReport;
}

/** How far a follower has read: so many entries, of which the last was that one. */
export interface LogPlace {
  readonly read: number;
  readonly lastId: number;
}

/** The log of a registry's events. Goes back with the store's data, or is empty then. */
export class EventLog {
  readonly #registry: MemoryStreamRegistry;
  #entries: LogEntry[] = [];
  #nextId = 1;
  /** The id before the first entry: another one after each loss of all entries. */
  #life = 0;

  constructor(registry: MemoryStreamRegistry) {
    this.#registry = registry;
  }

  get length(): number {
    return this.#entries.length;
  }

  get end(): LogPlace {
    return { read: this.#entries.length, lastId: this.#entries.at(-1)?.id ?? this.#life };
  }

  append(entry: Omit<LogEntry, 'id'>): void {
    this.#entries.push({ id: this.#nextId++, ...entry });
  }

  /** Whether what was read up to there is still what the log has there. */
  has({ read, lastId }: LogPlace): boolean {
    return (read === 0 ? this.#life : this.#entries[read - 1]?.id) === lastId;
  }

  after({ read }: LogPlace): readonly LogEntry[] {
    return this.#entries.slice(read);
  }

  async listing(): Promise<RegistryListing> {
    const [nodes, streams] = await Promise.all([this.#registry.nodes(), this.#registry.streams()]);
    return { nodes, streams };
  }

  /** The entries after that place are lost. */
  cutBack({ read }: LogPlace): void {
    this.#entries = this.#entries.slice(0, read);
  }

  /** All entries are lost. */
  clear(): void {
    this.#entries = [];
    this.#life = -this.#nextId;
  }
}
