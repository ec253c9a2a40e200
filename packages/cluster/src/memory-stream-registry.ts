// The registry of one process, with the semantics that a shared one has: leases, fencing by epoch, events. Whether a
// stream is orphaned is never stored: it is so exactly when its owner, as (node, incarnation), has no running lease.
/* eslint-disable @typescript-eslint/require-await -- async turns every throw into a rejection, as callers expect */
import { AppError, silentLogger, type Clock, type StreamKey } from '@headwater/contracts';
import { EpochMemory } from './epoch-memory.ts';
import { EventFeed } from './event-feed.ts';
import type { JobRegistry } from './job-registry.ts';
import { MemoryJobRegistry } from './job-registry-memory.ts';
import type {
  EndOrphanRequest,
  ExpelRequest,
  FailoverRegistry,
  FencedOutcome,
  NodeSighting,
  StandbyRequest,
} from './failover-registry.ts';
import type { MemoryStreamRegistryOptions, NodeEntry, SavedRegistry } from './memory-registry-parts.ts';
import type { NodeRecord, NodeRef } from './node-record.ts';
import {
  agreesWith,
  assertClaimEpochs,
  assertedRecord,
  grantedEpoch,
  isSameRun,
  isSameStandby,
  judgeOwned,
  withStandby,
} from './ownership.ts';
import { RunTime } from './run-time.ts';
import type { Standby, StreamRecord } from './stream-record.ts';
import type {
  BackupRequest,
  BackupResult,
  ClaimRequest,
  ClaimResult,
  Heartbeat,
  HeartbeatResult,
  RegistryEvent,
  StreamRegistry,
  StreamUpdate,
  Watch,
} from './stream-registry.ts';
import { declaredBackup, isBackup, mayTakeOver } from './takeover.ts';

/**
 * `StreamRegistry` and `FailoverRegistry` in this process's memory. The epoch of a claim is the largest of: the stream's last one + 1, the
 * highest that the claimer has seen + 1, and the wall clock in ms; that of a late claim is left as it is where it can be.
 */
export class MemoryStreamRegistry implements StreamRegistry, FailoverRegistry {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #time: RunTime;
  readonly #feed: EventFeed;
  readonly #jobs: MemoryJobRegistry;
  readonly #rememberedStreams: number;
  #epochs: EpochMemory;
  #nodes = new Map<string, NodeEntry>();
  /** What owners have declared, by stream; see `#shown`. */
  #streams = new Map<StreamKey, StreamRecord>();
  /** The highest token of a leadership that has written. */
  #fence = 0;
  #isClosed = false;

  constructor(options: MemoryStreamRegistryOptions) {
    this.#clock = options.clock;
    this.#leaseMs = options.leaseMs ?? 4_000;
    const logger = options.logger ?? silentLogger;
    this.#feed = new EventFeed(logger);
    this.#jobs = new MemoryJobRegistry({
      clock: options.clock,
      logger,
      begin: () => {
        this.#begin();
      },
      mayWrite: (token) => this.#mayWrite(token),
      isAlive: (node) => this.#isAlive(node),
    });
    this.#rememberedStreams = options.rememberedStreams ?? 10_000;
    this.#epochs = new EpochMemory(this.#rememberedStreams);
    this.#time = new RunTime(options.clock, this.#leaseMs / 8, () => {
      this.#expire();
    });
  }

  async join(node: NodeRecord): Promise<void> {
    this.#begin();
    const current = this.#nodes.get(node.nodeId);
    if (current !== undefined && isSameRun(current.record, node)) {
      this.#nodes.set(node.nodeId, this.#entry(node));
      this.#feed.emit({ type: 'node_updated', node });
      return;
    }
    if (current !== undefined) this.#drop(current.record);
    this.#nodes.set(node.nodeId, this.#entry(node));
    this.#feed.emit({ type: 'node_joined', node });
    this.#tellStreamsOf(node);
  }

  async heartbeat(beat: Heartbeat): Promise<HeartbeatResult> {
    this.#begin();
    const entry = this.#nodes.get(beat.node.nodeId);
    if (entry === undefined) return { outcome: 'unknown_node' };
    if (!isSameRun(entry.record, beat.node)) return { outcome: 'superseded' };
    const { load, isDraining } = beat;
    const isNews = entry.record.isDraining !== isDraining;
    entry.record = { ...entry.record, load, isDraining };
    entry.leaseEndsMs = this.#time.nowMs() + this.#leaseMs;
    if (isNews) this.#feed.emit({ type: 'node_updated', node: entry.record });
    return { outcome: 'renewed', lost: this.#reconcile(beat), surplus: this.#surplus(beat) };
  }

  async leave(node: NodeRef): Promise<void> {
    this.#begin();
    if (this.#isAlive(node)) this.#drop(node);
  }

  async nodes(): Promise<readonly NodeRecord[]> {
    this.#begin();
    return [...this.#nodes.values()].map((entry) => entry.record);
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#begin();
    const { stream, owner, relayAddress, credential } = request;
    assertClaimEpochs(request);
    this.#requireAlive(owner);
    const current = this.#streams.get(stream);
    if (current !== undefined && this.#isAlive(current.owner) && !mayTakeOver(request, current)) {
      return { outcome: 'refused', current };
    }
    const wallMs = this.#clock.wallMs();
    const record: StreamRecord = {
      stream,
      owner: { nodeId: owner.nodeId, incarnation: owner.incarnation },
      relayAddress,
      epoch: grantedEpoch(request, { current, last: this.#epochs.last(stream), wallMs }),
      state: 'live',
      ...(credential === undefined ? {} : { credential }),
      codecs: [],
      sinceMs: wallMs,
    };
    this.#epochs.forget(stream);
    this.#streams.set(stream, record);
    this.#feed.emit({ type: 'stream_claimed', record });
    return { outcome: 'claimed', record };
  }

  async update(update: StreamUpdate): Promise<boolean> {
    this.#begin();
    const current = this.#owned(update.stream, update.owner, update.epoch);
    if (current === undefined) return false;
    const { state = current.state, codecs = current.codecs } = update;
    const record = { ...current, state, codecs: [...codecs] };
    this.#streams.set(update.stream, record);
    this.#feed.emit({ type: 'stream_updated', record: this.#shown(record) });
    return true;
  }

  async release(stream: StreamKey, owner: NodeRef, epoch: number): Promise<boolean> {
    this.#begin();
    const current = this.#owned(stream, owner, epoch);
    if (current === undefined) return false;
    this.#end(current);
    return true;
  }

  async declareBackup(request: BackupRequest): Promise<BackupResult> {
    this.#begin();
    this.#requireAlive(request.node);
    const current = this.#streams.get(request.stream);
    const standby = current && declaredBackup(request, current, this.#hasLivingBackup(current));
    if (current === undefined || standby === undefined) {
      return { outcome: 'refused', current: current && this.#shown(current) };
    }
    return { outcome: 'declared', record: this.#changeStandby(current, standby) };
  }

  async withdrawBackup(stream: StreamKey, node: NodeRef, epoch: number): Promise<boolean> {
    this.#begin();
    const current = this.#streams.get(stream);
    if (current?.epoch !== epoch || !isBackup(current, node)) return false;
    this.#changeStandby(current, undefined);
    return true;
  }

  async stream(stream: StreamKey): Promise<StreamRecord | undefined> {
    this.#begin();
    const record = this.#streams.get(stream);
    return record && this.#shown(record);
  }

  async streams(): Promise<readonly StreamRecord[]> {
    this.#begin();
    return [...this.#streams.values()].map((record) => this.#shown(record));
  }

  async fence(token: number): Promise<boolean> {
    this.#begin();
    return this.#mayWrite(token);
  }

  async sightings(): Promise<readonly NodeSighting[]> {
    this.#begin();
    return [...this.#nodes.values()].map((entry) => ({
      node: entry.record,
      silentMs: this.#silentMs(entry),
    }));
  }

  async expel({ token, node, silentMs }: ExpelRequest): Promise<FencedOutcome> {
    this.#begin();
    if (!this.#mayWrite(token)) return 'fenced';
    const entry = this.#nodes.get(node.nodeId);
    if (entry === undefined || !isSameRun(entry.record, node)) return 'unchanged';
    if (this.#silentMs(entry) < silentMs) return 'conflict';
    this.#drop(node);
    return 'applied';
  }

  async setStandby({ token, stream, epoch, standby }: StandbyRequest): Promise<FencedOutcome> {
    this.#begin();
    if (!this.#mayWrite(token)) return 'fenced';
    const current = this.#streams.get(stream);
    if (current?.epoch !== epoch) return 'conflict';
    if (isSameStandby(current.standby, standby)) return 'unchanged';
    if (this.#hasLivingBackup(current)) return 'conflict';
    this.#changeStandby(current, standby);
    return 'applied';
  }

  async endOrphan({ token, stream, epoch }: EndOrphanRequest): Promise<FencedOutcome> {
    this.#begin();
    if (!this.#mayWrite(token)) return 'fenced';
    const current = this.#streams.get(stream);
    if (current === undefined) return 'unchanged';
    if (current.epoch !== epoch || this.#isAlive(current.owner)) return 'conflict';
    this.#end(current);
    return 'applied';
  }

  /** The jobs in the same memory. */
  jobRegistry(): JobRegistry {
    return this.#jobs;
  }

  watch(listener: (event: RegistryEvent) => void): Watch {
    return this.#feed.watch(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#time.close();
    this.#feed.close();
    this.#jobs.close();
  }

  /** What the registry holds now, for `restore`: tests and simulations make it lose its last writes with that. */
  save(): SavedRegistry {
    return {
      nodes: new Map([...this.#nodes].map(([nodeId, entry]) => [nodeId, { ...entry }])),
      streams: new Map(this.#streams),
      epochs: this.#epochs.copy(),
      fence: this.#fence,
      jobs: this.#jobs.save(),
    };
  }

  /** Puts the registry back to what it held, or empties it; watchers hear nothing of that. */
  restore(saved?: SavedRegistry): void {
    this.#nodes = new Map([...(saved?.nodes ?? [])].map(([nodeId, entry]) => [nodeId, { ...entry }]));
    this.#streams = new Map(saved?.streams);
    this.#fence = saved?.fence ?? 0;
    this.#jobs.revert(saved?.jobs);
    this.#epochs = saved?.epochs.copy() ?? new EpochMemory(this.#rememberedStreams);
  }

  #begin(): void {
    if (this.#isClosed) {
      throw new AppError('registry_unavailable', { details: { what: 'registry is closed' } });
    }
    this.#expire();
  }

  #expire(): void {
    const nowMs = this.#time.nowMs();
    for (const { record, leaseEndsMs } of this.#nodes.values()) {
      if (leaseEndsMs <= nowMs) this.#drop(record);
    }
  }

  #requireAlive(node: NodeRef): void {
    if (this.#isAlive(node)) return;
    const details = { nodeId: node.nodeId, what: 'node has not joined' };
    throw new AppError('registry_unavailable', { details });
  }

  #hasLivingBackup({ standby }: StreamRecord): boolean {
    return standby?.publishes === true && this.#isAlive(standby);
  }

  #changeStandby(current: StreamRecord, standby: Standby | undefined): StreamRecord {
    if (isSameStandby(current.standby, standby)) return this.#shown(current);
    const record = withStandby(current, standby);
    this.#streams.set(record.stream, record);
    const shown = this.#shown(record);
    this.#feed.emit({ type: 'stream_updated', record: shown });
    return shown;
  }

  #mayWrite(token: number): boolean {
    this.#fence = Math.max(this.#fence, token);
    return token === this.#fence;
  }

  #silentMs(entry: NodeEntry): number {
    return this.#leaseMs - (entry.leaseEndsMs - this.#time.nowMs());
  }

  #end(record: StreamRecord): void {
    this.#streams.delete(record.stream);
    this.#epochs.remember(record.stream, record.epoch);
    this.#feed.emit({ type: 'stream_ended', record: { ...record, state: 'ended', relayAddress: '' } });
  }

  #entry(record: NodeRecord): NodeEntry {
    return { record, leaseEndsMs: this.#time.nowMs() + this.#leaseMs };
  }

  #drop(node: NodeRef): void {
    this.#nodes.delete(node.nodeId);
    this.#feed.emit({ type: 'node_left', node: { nodeId: node.nodeId, incarnation: node.incarnation } });
    this.#tellStreamsOf(node);
  }

  #tellStreamsOf(node: NodeRef): void {
    for (const record of this.#streams.values()) {
      if (isSameRun(record.owner, node)) {
        this.#feed.emit({ type: 'stream_updated', record: this.#shown(record) });
      }
    }
  }

  #shown(record: StreamRecord): StreamRecord {
    return this.#isAlive(record.owner) ? record : { ...record, state: 'orphaned' };
  }

  #isAlive(node: NodeRef): boolean {
    const entry = this.#nodes.get(node.nodeId);
    return entry !== undefined && isSameRun(entry.record, node);
  }

  #owned(stream: StreamKey, owner: NodeRef, epoch: number): StreamRecord | undefined {
    const record = this.#streams.get(stream);
    return record?.epoch === epoch && isSameRun(record.owner, owner) ? record : undefined;
  }

  /** Makes the records say what the owner says where it is right; returns the streams where it is not. */
  #reconcile({ node, owned }: Heartbeat): StreamKey[] {
    const lost: StreamKey[] = [];
    for (const [stream, said] of owned) {
      const current = this.#streams.get(stream);
      const verdict = judgeOwned({ epoch: said.epoch, owner: node }, current, this.#epochs.last(stream));
      if (verdict === 'lost') lost.push(stream);
      else if (verdict === 'missing') this.#restore(assertedRecord(stream, node, said));
      else if (current?.epoch === said.epoch && !agreesWith(current, said)) {
        const record = { ...current, state: said.state, codecs: [...said.codecs] };
        this.#streams.set(stream, record);
        this.#feed.emit({ type: 'stream_updated', record });
      }
    }
    return lost;
  }

  #restore(record: StreamRecord): void {
    this.#epochs.forget(record.stream);
    this.#streams.set(record.stream, record);
    this.#feed.emit({ type: 'stream_claimed', record });
  }

  #surplus({ node, owned }: Heartbeat): Map<StreamKey, number> {
    const surplus = new Map<StreamKey, number>();
    for (const { stream, owner, epoch } of this.#streams.values()) {
      const ownedEpoch = owned.get(stream)?.epoch ?? 0;
      if (isSameRun(owner, node) && epoch > ownedEpoch) surplus.set(stream, epoch);
    }
    return surplus;
  }
}
