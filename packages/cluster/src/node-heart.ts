// What keeps a node in the registry: it joins, beats, and joins again when the registry has forgotten it. The node works
// on whether the registry answers or not, so nothing here fails; it retries, and says so at most once a second.
import {
  AppError,
  toAppError,
  type Clock,
  type Logger,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import type { NodeLoad, NodeRecord } from './node-record.ts';
import type { HeartbeatResult, OwnedStream, StreamRegistry } from './stream-registry.ts';
import { SurplusWatch } from './surplus-watch.ts';

/** What a heart is made of. */
export interface NodeHeartOptions {
  readonly registry: StreamRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The node as announced; load and draining are asked for at each beat. */
  readonly node: Omit<NodeRecord, 'load' | 'isDraining'>;
  readonly load: () => NodeLoad;
  readonly isDraining: () => boolean;
  /** The streams that the node believes it owns. */
  readonly owned: () => ReadonlyMap<StreamKey, OwnedStream>;
  /** These streams are another owner's now, with the epoch at which this node had them: a later claim of its own stands. */
  readonly onLost: (lost: ReadonlyMap<StreamKey, number>) => void;
  /** Another process runs under this node's name. The heart has stopped, and `onLost` was told of everything. */
  readonly onSuperseded?: () => void;
  readonly limits?: Partial<NodeHeartLimits>;
}

/** Times of a heart. */
export interface NodeHeartLimits {
  readonly periodMs: number;
  /** The longest pause between tries while the registry is away. */
  readonly maxPauseMs: number;
  /** How long one call may take; a registry that does not settle counts as away. */
  readonly callMs: number;
  /** The registry's lease, by which the node judges itself. */
  readonly leaseMs: number;
  /** How long the registry may hold a stream for the node which the node does not have, before the node releases it. */
  readonly surplusMs: number;
}

/** Defaults of `NodeHeartOptions.limits`: three beats fit into a lease of 4 s. */
export const defaultNodeHeartLimits: NodeHeartLimits = {
  periodMs: 1_000,
  maxPauseMs: 2_000,
  callMs: 2_000,
  leaseMs: 4_000,
  surplusMs: 2_500,
};

/** `idle` before the start, `joining` until the registry knows the node, `beating` while it does, `stopped` for good. */
export type NodeHeartState = 'idle' | 'joining' | 'beating' | 'stopped';

/** Keeps one node in the registry. Started and stopped once. */
export class NodeHeart {
  readonly #options: NodeHeartOptions;
  readonly #limits: NodeHeartLimits;
  #state: NodeHeartState = 'idle';
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isBeatWanted = false;
  #failures = 0;
  #awaySinceMs = 0;
  #warnedMs = Number.NEGATIVE_INFINITY;
  /** When the last beat that was answered had been sent; undefined before the first. */
  #renewedMs: number | undefined;
  #joinedAtMs = Number.POSITIVE_INFINITY;
  #rejoinedAtMs = Number.NEGATIVE_INFINITY;
  /** Since when the registry has said that another run has this node's place; undefined while it does not say so. */
  #contestedMs: number | undefined;
  #dueMs = 0;
  #lateMs = 0;
  readonly #surplus: SurplusWatch;

  constructor(options: NodeHeartOptions) {
    this.#options = options;
    this.#limits = { ...defaultNodeHeartLimits, ...options.limits };
    this.#surplus = new SurplusWatch(options.clock, this.#limits.surplusMs);
  }

  /** How late the event loop let the last beat begin. */
  get lateMs(): number {
    return this.#lateMs;
  }

  /**
   * True when the node's own lease may have run out, by its own monotonic clock from when it sent the last beat that was
   * answered: others may rightly hold it for dead. So it judges nobody, claims nothing and says so; what it has it keeps
   * and serves, and takes new publishers provisionally: it loses a stream only to somebody who is seen to have it.
   */
  get isDoubtful(): boolean {
    const margin = this.#limits.leaseMs / 4;
    const { clock } = this.#options;
    return this.#renewedMs === undefined || clock.nowMs() - this.#renewedMs > this.#limits.leaseMs - margin;
  }

  /** When the registry last took the node in, by the node's clock; infinite before the first time. */
  get joinedAtMs(): number {
    return this.#joinedAtMs;
  }

  /**
   * When the registry last took the node in that it had known before, by the node's clock; minus infinity where it never
   * forgot it. It may have forgotten others as well, who restore what is theirs within a lease.
   */
  get rejoinedAtMs(): number {
    return this.#rejoinedAtMs;
  }

  get state(): NodeHeartState {
    return this.#state;
  }

  /** Joins and begins to beat. Resolves after the first try, also when the registry is away. */
  async start(): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#state = 'joining';
    await this.beat();
  }

  /** Beats now instead of at the next period, e.g. because draining has begun. Resolves when that is done. */
  async beat(): Promise<void> {
    if (this.#state === 'idle' || this.#state === 'stopped') return;
    // A beat that is under way may have read what has changed since: one more follows it.
    this.#isBeatWanted = true;
    this.#timer?.cancel();
    this.#running ??= this.#run();
    await this.#running;
  }

  /** Leaves the registry, so that nobody waits for the lease to run out. Twice does nothing. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasIdle = this.#state === 'idle';
    this.#state = 'stopped';
    this.#timer?.cancel();
    await this.#running;
    if (wasIdle) return;
    try {
      await this.#bounded(this.#options.registry.leave(this.#options.node));
    } catch (caught) {
      this.#options.logger.warn({ err: toAppError(caught) }, 'node could not leave the registry');
    }
  }

  async #run(): Promise<void> {
    while (this.#isBeatWanted && this.#isRunning()) {
      this.#isBeatWanted = false;
      try {
        await this.#joinAndBeat();
        this.#succeeded();
      } catch (caught) {
        this.#failed(caught);
      }
    }
    this.#running = undefined;
    if (!this.#isRunning()) return;
    const pauseMs = this.#pauseMs();
    this.#dueMs = this.#options.clock.nowMs() + pauseMs;
    this.#timer = this.#options.clock.after(pauseMs, () => {
      this.#measureLateness();
      void this.beat();
    });
  }

  #measureLateness(): void {
    const { clock, logger } = this.#options;
    this.#lateMs = Math.max(0, clock.nowMs() - this.#dueMs);
    if (this.#lateMs > this.#limits.periodMs / 2) {
      logger.warn(
        { lateMs: Math.round(this.#lateMs) },
        'heartbeat was late: the process stood still or is overloaded',
      );
    }
  }

  async #joinAndBeat(): Promise<void> {
    if (this.#state === 'joining' && !(await this.#join())) return;
    if (await this.#beatOnce()) return;
    // Forgotten: the next beat after joining again tells what was lost meanwhile.
    if (this.#isRunning()) this.#state = 'joining';
    if (await this.#join()) await this.#beatOnce();
  }

  /** False when the heart was stopped meanwhile. */
  async #join(): Promise<boolean> {
    const { registry, node, load, isDraining } = this.#options;
    if (!this.#isRunning()) return false;
    await this.#bounded(registry.join({ ...node, load: load(), isDraining: isDraining() }));
    if (!this.#isRunning()) return false;
    this.#state = 'beating';
    if (this.#renewedMs !== undefined) this.#rejoinedAtMs = this.#options.clock.nowMs();
    this.#joinedAtMs = this.#options.clock.nowMs();
    return true;
  }

  /** False when the registry does not know the node. */
  async #beatOnce(): Promise<boolean> {
    const { registry, node, load, isDraining, clock } = this.#options;
    const owned = new Map(this.#options.owned());
    const sentMs = clock.nowMs();
    const beat = { node, load: load(), isDraining: isDraining(), owned };
    const result = await this.#bounded(registry.heartbeat(beat));
    if (!this.#isRunning()) return true;
    if (result.outcome === 'renewed') {
      this.#renewedMs = sentMs;
      this.#releaseSurplus(result.surplus);
    }
    return this.#accept(result, new Map([...owned].map(([stream, { epoch }]) => [stream, epoch])));
  }

  // Not waited for: a release that fails is tried again, since the stream stays in the surplus.
  #releaseSurplus(surplus: ReadonlyMap<StreamKey, number>): void {
    const { registry, node, logger } = this.#options;
    for (const [stream, epoch] of this.#surplus.overdue(surplus)) {
      logger.warn({ stream, epoch }, 'registry holds a stream that this node does not have; releasing it');
      this.#bounded(registry.release(stream, node, epoch)).catch((caught: unknown) => {
        this.#failed(caught);
      });
    }
  }

  #accept(result: HeartbeatResult, owned: ReadonlyMap<StreamKey, number>): boolean {
    if (result.outcome === 'superseded') {
      if (!this.#isContest()) this.#giveWay(owned);
      return true;
    }
    this.#contestedMs = undefined;
    if (result.outcome === 'unknown_node') return false;
    if (result.lost.length > 0) {
      const lost = result.lost.flatMap((stream) => {
        const epoch = owned.get(stream);
        return epoch === undefined ? [] : [[stream, epoch] as const];
      });
      this.#options.onLost(new Map(lost));
    }
    return true;
  }

  // A failover that lost writes brings back what a node was before its restart. Nobody beats for that run: its lease ends,
  // and this one joins again. Only of a run that outlives its lease it is sure that another process beats for it.
  #isContest(): boolean {
    const nowMs = this.#options.clock.nowMs();
    const { leaseMs, periodMs } = this.#limits;
    this.#contestedMs ??= nowMs;
    return nowMs - this.#contestedMs < leaseMs + 2 * periodMs;
  }

  #giveWay(owned: ReadonlyMap<StreamKey, number>): void {
    this.#state = 'stopped';
    void this.#tellSuperseded();
    if (owned.size > 0) this.#options.onLost(owned);
    this.#options.onSuperseded?.();
  }

  // Whoever was replaced while it beat as it should is the victim of a second process with its name.
  async #tellSuperseded(): Promise<void> {
    const { registry, node, logger, clock } = this.#options;
    const saidMs = this.#contestedMs ?? clock.nowMs();
    const silentMs = Math.round(saidMs - (this.#renewedMs ?? saidMs));
    const nodes = await this.#bounded(registry.nodes()).catch((): NodeRecord[] => []);
    const other = nodes.find(({ nodeId }) => nodeId === node.nodeId);
    const fields = { nodeId: node.nodeId, silentMs, other: other?.addresses, own: node.addresses };
    if (silentMs >= this.#limits.leaseMs) {
      logger.error(fields, 'this node was replaced while it was silent; it does nothing any more: stop it');
    } else {
      logger.error(
        fields,
        'another process runs as this node: one of them needs another node.id and a restart',
      );
    }
  }

  #succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    const awayMs = Math.round(this.#options.clock.nowMs() - this.#awaySinceMs);
    this.#options.logger.debug({ awayMs }, 'registry is back');
  }

  #failed(caught: unknown): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#failures === 0) this.#awaySinceMs = nowMs;
    // Nobody's lease ends while the registry is away.
    if (this.#contestedMs !== undefined) this.#contestedMs = nowMs;
    this.#failures++;
    if (nowMs - this.#warnedMs < 1_000) return;
    this.#warnedMs = nowMs;
    // Why is said once, by the registry itself.
    this.#options.logger.debug({ err: toAppError(caught), failures: this.#failures }, 'registry is away');
  }

  #pauseMs(): number {
    const { periodMs, maxPauseMs } = this.#limits;
    return this.#failures === 0 ? periodMs : Math.min(maxPauseMs, periodMs * 2 ** (this.#failures - 1));
  }

  #isRunning(): boolean {
    return this.#state !== 'stopped';
  }

  async #bounded<T>(call: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const timer = this.#options.clock.after(this.#limits.callMs, () => {
        reject(new AppError('registry_unavailable', { details: { limitMs: this.#limits.callMs } }));
      });
      call.then(resolve, reject).finally(() => {
        timer.cancel();
      });
    });
  }
}
