import { AppError, type StreamKey } from '@headwater/contracts';
import type { NodeRecord, NodeRef } from '../node-record.ts';
import type { StreamRecord } from '../stream-record.ts';
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
} from '../stream-registry.ts';

/** A registry behind a connection that tests can break: calls reach the registry within while it is `up`. */
export class UnreliableRegistry implements StreamRegistry {
  readonly #within: StreamRegistry;
  readonly #calls: string[] = [];
  /** `down` rejects every call, `mute` never settles one. */
  condition: 'up' | 'down' | 'mute' = 'up';

  constructor(within: StreamRegistry) {
    this.#within = within;
  }

  /** The names of the methods called, in order, answered or not. */
  get calls(): readonly string[] {
    return this.#calls;
  }

  async join(node: NodeRecord): Promise<void> {
    await this.#pass('join');
    await this.#within.join(node);
  }

  async heartbeat(beat: Heartbeat): Promise<HeartbeatResult> {
    await this.#pass('heartbeat');
    return await this.#within.heartbeat(beat);
  }

  async leave(node: NodeRef): Promise<void> {
    await this.#pass('leave');
    await this.#within.leave(node);
  }

  async nodes(): Promise<readonly NodeRecord[]> {
    await this.#pass('nodes');
    return await this.#within.nodes();
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    await this.#pass('claim');
    return await this.#within.claim(request);
  }

  async update(update: StreamUpdate): Promise<boolean> {
    await this.#pass('update');
    return await this.#within.update(update);
  }

  async release(stream: StreamKey, owner: NodeRef, epoch: number): Promise<boolean> {
    await this.#pass('release');
    return await this.#within.release(stream, owner, epoch);
  }

  async declareBackup(request: BackupRequest): Promise<BackupResult> {
    await this.#pass('declareBackup');
    return await this.#within.declareBackup(request);
  }

  async withdrawBackup(stream: StreamKey, node: NodeRef, epoch: number): Promise<boolean> {
    await this.#pass('withdrawBackup');
    return await this.#within.withdrawBackup(stream, node, epoch);
  }

  async stream(stream: StreamKey): Promise<StreamRecord | undefined> {
    await this.#pass('stream');
    return await this.#within.stream(stream);
  }

  async streams(): Promise<readonly StreamRecord[]> {
    await this.#pass('streams');
    return await this.#within.streams();
  }

  watch(listener: (event: RegistryEvent) => void): Watch {
    return this.#within.watch(listener);
  }

  async close(): Promise<void> {
    await this.#within.close();
  }

  async #pass(method: string): Promise<void> {
    this.#calls.push(method);
    if (this.condition === 'down') throw new AppError('registry_unavailable', { details: { method } });
    if (this.condition === 'mute') await new Promise(() => undefined);
  }
}
