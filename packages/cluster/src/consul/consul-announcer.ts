// Keeps one node registered with the local Consul: registers, renews its TTL check, registers again when Consul has
// forgotten it or something worth telling has changed, and deregisters in the end. Renewals stay within the local Consul;
// a registration is written by the whole cluster and wakes all who follow, so load is told only when it has changed by
// enough, and not more often than `loadMs`.
import type { Clock, Timer } from '@headwater/contracts';
import { isSameAnnouncement } from '../discovery/node-changes.ts';
import type { NodeLoad, NodeRecord } from '../node-record.ts';
import type { ConsulClient } from './consul-client.ts';
import { toConsulFailure, type ConsulFailure } from './consul-failure.ts';
import { isLoadNews, toService } from './service-record.ts';

/** The node to announce; load and draining are asked for at each beat. */
export interface AnnouncedNode {
  readonly node: Omit<NodeRecord, 'load' | 'isDraining'>;
  readonly load: () => NodeLoad;
  readonly isDraining: () => boolean;
}

/** Times of an announcer. */
export interface ConsulAnnouncerLimits {
  /** How long a node lives without a beat. */
  readonly ttlMs: number;
  readonly periodMs: number;
  /** The longest pause between tries while Consul is away. */
  readonly maxPauseMs: number;
  /** How often a new load is told at most. */
  readonly loadMs: number;
  /** How old a told load may get when it has changed at all. */
  readonly maxLoadAgeMs: number;
}

/** Defaults of `ConsulAnnouncerOptions.limits`: three beats fit into a lease, as with the registry. */
export const defaultConsulAnnouncerLimits: ConsulAnnouncerLimits = {
  ttlMs: 4_000,
  periodMs: 1_000,
  maxPauseMs: 2_000,
  loadMs: 5_000,
  maxLoadAgeMs: 60_000,
};

/** What an announcer is made of. */
export interface ConsulAnnouncerOptions extends AnnouncedNode {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly serviceName: string;
  /** Told of the outcome of every beat; undefined is success. */
  readonly onBeat: (failure: ConsulFailure | undefined) => void;
  readonly limits?: Partial<ConsulAnnouncerLimits>;
}

/** Keeps a node in Consul. Started and stopped once. */
export class ConsulAnnouncer {
  readonly #options: ConsulAnnouncerOptions;
  readonly #limits: ConsulAnnouncerLimits;
  /** What Consul knows; undefined when it knows nothing, or that is not certain. */
  #told: { readonly record: NodeRecord; readonly atMs: number } | undefined;
  /** True once a registration was sent, whatever came of it. */
  #mayBeThere = false;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isBeatWanted = false;
  #failures = 0;
  #isStopped = false;

  constructor(options: ConsulAnnouncerOptions) {
    this.#options = options;
    this.#limits = { ...defaultConsulAnnouncerLimits, ...options.limits };
  }

  /** Beats now, and from then on once a period. Resolves when that beat is done, well or not. */
  async beat(): Promise<void> {
    if (this.#isStopped) return;
    this.#isBeatWanted = true;
    this.#timer?.cancel();
    this.#running ??= this.#run();
    await this.#running;
  }

  /** Deregisters, so that nobody waits for the check to fail. Rejects with a `ConsulFailure` when that did not work. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
    if (!this.#mayBeThere) return;
    const { client } = this.#options;
    await client.deregister(this.#service(this.#record()).id);
  }

  async #run(): Promise<void> {
    while (this.#isBeatWanted && !this.#isStopped) {
      this.#isBeatWanted = false;
      const failure = await this.#beatOnce();
      this.#failures = failure === undefined ? 0 : this.#failures + 1;
      this.#options.onBeat(failure);
    }
    this.#running = undefined;
    if (!this.#isStopped) this.#timer = this.#options.clock.after(this.#pauseMs(), () => void this.beat());
  }

  async #beatOnce(): Promise<ConsulFailure | undefined> {
    const record = this.#record();
    try {
      if (this.#told !== undefined && !this.#isNews(record, this.#told) && (await this.#renew())) return;
      await this.#register(record);
    } catch (caught) {
      return toConsulFailure('announce', caught);
    }
    return undefined;
  }

  /** False when Consul has forgotten the node. */
  async #renew(): Promise<boolean> {
    try {
      await this.#options.client.pass(this.#service(this.#record()).id);
      return true;
    } catch (caught) {
      if (toConsulFailure('announce', caught).kind !== 'unknown') throw caught;
      this.#told = undefined;
      return false;
    }
  }

  async #register(record: NodeRecord): Promise<void> {
    this.#mayBeThere = true;
    await this.#options.client.register(this.#service(record));
    // Registering alone does not renew a check that has failed meanwhile.
    await this.#options.client.pass(this.#service(record).id);
    this.#told = { record, atMs: this.#options.clock.nowMs() };
  }

  #isNews(record: NodeRecord, told: { readonly record: NodeRecord; readonly atMs: number }): boolean {
    if (!isSameAnnouncement(record, told.record)) return true;
    const ageMs = this.#options.clock.nowMs() - told.atMs;
    if (ageMs < this.#limits.loadMs) return false;
    return (
      isLoadNews(told.record.load, record.load) ||
      (ageMs >= this.#limits.maxLoadAgeMs && isOther(told.record, record))
    );
  }

  #record(): NodeRecord {
    const { node, load, isDraining } = this.#options;
    return { ...node, load: load(), isDraining: isDraining() };
  }

  #service(record: NodeRecord): ReturnType<typeof toService> {
    return toService(record, { name: this.#options.serviceName, ttlMs: this.#limits.ttlMs });
  }

  /** Nodes that lost one Consul together do not come back to it in step. */
  #pauseMs(): number {
    const { periodMs, maxPauseMs } = this.#limits;
    if (this.#failures === 0) return periodMs;
    return Math.min(maxPauseMs, periodMs * 2 ** (this.#failures - 1)) * (0.75 + Math.random() / 4);
  }
}

function isOther(a: NodeRecord, b: NodeRecord): boolean {
  const keys = ['cpu', 'publishers', 'viewers', 'egressBitsPerSecond'] as const;
  return a.load.overload !== b.load.overload || keys.some((key) => a.load[key] !== b.load[key]);
}
