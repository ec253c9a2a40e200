// What a memory registry is made of and what it holds.
import type { Clock, Logger, StreamKey } from '@headwater/contracts';
import type { EpochMemory } from './epoch-memory.ts';
import type { SavedJobs } from './job-registry-memory.ts';
import type { NodeRecord } from './node-record.ts';
import type { StreamRecord } from './stream-record.ts';

/** What a memory registry is made of. */
export interface MemoryStreamRegistryOptions {
  readonly clock: Clock;
  /** How long a node lives without a heartbeat; default 4 s. */
  readonly leaseMs?: number;
  /** How many ended streams keep their own epoch; default 10,000. See `EpochMemory`. */
  readonly rememberedStreams?: number;
  readonly logger?: Logger;
}

/** A node with its lease. */
export interface NodeEntry {
  record: NodeRecord;
  leaseEndsMs: number;
}

/** What a memory registry held at some moment; opaque. */
export interface SavedRegistry {
  readonly nodes: ReadonlyMap<string, Readonly<NodeEntry>>;
  readonly streams: ReadonlyMap<StreamKey, StreamRecord>;
  readonly epochs: EpochMemory;
  readonly fence: number;
  readonly jobs: SavedJobs;
}
