import type { NodeRef, RegistryEvent, StreamRecord } from '@headwater/cluster';
import type { StreamKey } from '@headwater/contracts';
import { nodeKey } from './node-key.ts';

/** A stream as it is seen now. */
export interface ObservedStream {
  readonly record: StreamRecord;
  /** For how long it has been seen orphaned; 0 when it is not. */
  readonly orphanedMs: number;
}

interface Entry {
  record: StreamRecord;
  orphanedSinceMs: number | undefined;
}

/** The streams of the registry: read as a whole now and then, kept up by events between. */
export class StreamView {
  readonly #entries = new Map<StreamKey, Entry>();
  /** What events told of since the reading began; undefined where none is under way. */
  #told: Set<StreamKey> | undefined;

  /** All streams are about to be read. What an event tells from now on is not undone by a reading that may be older. */
  beginReading(): void {
    this.#told = new Set();
  }

  /** All streams as they were read. */
  replace(records: readonly StreamRecord[], nowMs: number): void {
    const told = this.#told ?? new Set();
    this.#told = undefined;
    const present = new Set(records.map((record) => record.stream));
    for (const stream of this.#entries.keys()) {
      if (!present.has(stream) && !told.has(stream)) this.#entries.delete(stream);
    }
    for (const record of records) if (!told.has(record.stream)) this.#put(record, nowMs);
  }

  /** Something happened. An event that is older than what is known changes nothing. */
  apply(event: RegistryEvent, nowMs: number): void {
    if (!('record' in event)) return;
    const { record } = event;
    const known = this.#entries.get(record.stream);
    if (known !== undefined && known.record.epoch > record.epoch) return;
    this.#told?.add(record.stream);
    if (event.type === 'stream_ended') this.#entries.delete(record.stream);
    else this.#put(record, nowMs);
  }

  streams(nowMs: number): ObservedStream[] {
    return [...this.#entries.values()].map(({ record, orphanedSinceMs }) => ({
      record,
      orphanedMs: orphanedSinceMs === undefined ? 0 : nowMs - orphanedSinceMs,
    }));
  }

  /** Who owns an orphaned stream, and where it was pulled from. */
  orphanOwners(): { readonly node: NodeRef; readonly address: string }[] {
    const owners = new Map<string, { readonly node: NodeRef; readonly address: string }>();
    for (const { record } of this.#entries.values()) {
      if (record.state !== 'orphaned') continue;
      const { owner, relayAddress } = record;
      owners.set(nodeKey(owner), { node: owner, address: relayAddress });
    }
    return [...owners.values()];
  }

  #put(record: StreamRecord, nowMs: number): void {
    const known = this.#entries.get(record.stream);
    const wasOrphaned = known?.record.epoch === record.epoch ? known.orphanedSinceMs : undefined;
    const orphanedSinceMs = record.state === 'orphaned' ? (wasOrphaned ?? nowMs) : undefined;
    this.#entries.set(record.stream, { record, orphanedSinceMs });
  }
}
