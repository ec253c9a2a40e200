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
import type { HeartbeatResult, StreamRegistry } from './stream-registry.ts';

/** What a heart is made of. */
export interface NodeHeartOptions {
  readonly registry: StreamRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The node as announced; load and draining are asked for at each beat. */
  readonly node: Omit<NodeRecord, 'load' | 'isDraining'>;
  readonly load: () => NodeLoad;
  readonly isDraining: () => boolean;
  /** The streams that the node believes it owns, by epoch. */
  readonly owned: () => ReadonlyMap<StreamKey, number>;
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
}

/** Defaults of `NodeHeartOptions.limits`: three beats fit into a lease of 4 s. */
export const defaultNodeHeartLimits: NodeHeartLimits = { periodMs: 1_000, maxPauseMs: 2_000, callMs: 2_000 };

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

  constructor(options: NodeHeartOptions) {
    this.#options = options;
    this.#limits = { ...defaultNodeHeartLimits, ...options.limits };
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
    if (this.#isRunning()) this.#timer = this.#options.clock.after(this.#pauseMs(), () => void this.beat());
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
    return true;
  }

  /** False when the registry does not know the node. */
  async #beatOnce(): Promise<boolean> {
    const { registry, node, load, isDraining } = this.#options;
    const owned = new Map(this.#options.owned());
    const beat = { node, load: load(), isDraining: isDraining(), owned };
    const result = await this.#bounded(registry.heartbeat(beat));
    if (!this.#isRunning()) return true;
    return this.#accept(result, owned);
  }

  #accept(result: HeartbeatResult, owned: ReadonlyMap<StreamKey, number>): boolean {
    if (result.outcome === 'unknown_node') return false;
    if (result.outcome === 'superseded') {
      this.#state = 'stopped';
      this.#options.logger.error({ nodeId: this.#options.node.nodeId }, 'another process runs as this node');
      if (owned.size > 0) this.#options.onLost(owned);
      this.#options.onSuperseded?.();
      return true;
    }
    if (result.lost.length > 0) {
      this.#options.onLost(new Map([...owned].filter(([stream]) => result.lost.includes(stream))));
    }
    return true;
  }

  #succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    const awayMs = Math.round(this.#options.clock.nowMs() - this.#awaySinceMs);
    this.#options.logger.info({ awayMs }, 'registry is back');
  }

  #failed(caught: unknown): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#failures === 0) this.#awaySinceMs = nowMs;
    this.#failures++;
    if (nowMs - this.#warnedMs < 1_000) return;
    this.#warnedMs = nowMs;
    this.#options.logger.warn({ err: toAppError(caught), failures: this.#failures }, 'registry is away');
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
