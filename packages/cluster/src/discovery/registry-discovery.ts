// Discovery by the registry's heartbeats: reads the nodes once a period and whenever the registry tells of a change.
import { silentLogger, silentMetrics, toAppError } from '@headwater/contracts';
import type { Clock, Counter, Logger, Metrics, Timer } from '@headwater/contracts';
import type { NodeRecord } from '../node-record.ts';
import type { StreamRegistry, Watch } from '../stream-registry.ts';
import { withDeadline } from './deadline.ts';
import { LogGate } from './log-gate.ts';
import { Membership } from './membership.ts';
import type { DiscoveryEvent, NodeDiscovery } from './node-discovery.ts';

/** What a registry discovery is made of. Announcing this node is the work of its `NodeHeart`. */
export interface RegistryDiscoveryOptions {
  readonly registry: Pick<StreamRegistry, 'nodes' | 'watch'>;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** The node that looks, when its heart beats in the same registry: a registry that has lost it has lost its memory. */
  readonly selfId?: string;
  readonly limits?: Partial<RegistryDiscoveryLimits>;
}

/** Times and sizes of a registry discovery. */
export interface RegistryDiscoveryLimits {
  /** How often the nodes are read anew, for their load. */
  readonly periodMs: number;
  readonly callMs: number;
  /** How long nodes are kept that a registry does not list after it was away. */
  readonly graceMs: number;
  readonly maxNodes: number;
}

/** Defaults of `RegistryDiscoveryOptions.limits`: the grace is two leases and a beat. */
export const defaultRegistryDiscoveryLimits: RegistryDiscoveryLimits = {
  periodMs: 2_000,
  callMs: 2_000,
  graceMs: 9_000,
  maxNodes: 4_096,
};

const source = 'registry';

/** `NodeDiscovery` over a `StreamRegistry`. Distances are not known to it. */
export class RegistryDiscovery implements NodeDiscovery {
  readonly #options: RegistryDiscoveryOptions;
  readonly #limits: RegistryDiscoveryLimits;
  readonly #logger: Logger;
  readonly #membership: Membership;
  readonly #failures: Counter;
  readonly #gate: LogGate;
  #events: Watch | undefined;
  #timer: Timer | undefined;
  #reading: Promise<void> | undefined;
  #isReadWanted = false;
  #isAway = false;
  #isClosed = false;

  constructor(options: RegistryDiscoveryOptions) {
    const { clock, logger = silentLogger, metrics = silentMetrics, selfId } = options;
    this.#options = options;
    this.#logger = logger;
    this.#limits = { ...defaultRegistryDiscoveryLimits, ...options.limits };
    const { graceMs } = this.#limits;
    this.#membership = new Membership({
      ...{ clock, logger, metrics, graceMs },
      ...(selfId === undefined ? {} : { selfId }),
    });
    this.#gate = new LogGate(clock, 1_000);
    this.#failures = metrics.counter({
      name: 'headwater_discovery_failures_total',
      help: 'Failed attempts to read or announce nodes.',
      labels: ['reason'],
    });
  }

  get isStale(): boolean {
    return this.#membership.isStale;
  }

  nodes(): readonly NodeRecord[] {
    return this.#membership.nodes();
  }

  node(nodeId: string): NodeRecord | undefined {
    return this.#membership.node(nodeId);
  }

  distanceMs(fromNodeId: string, toNodeId: string): number | undefined {
    return fromNodeId === toNodeId && this.node(toNodeId) !== undefined ? 0 : undefined;
  }

  regionDistanceMs(_fromRegion: string, _toRegion: string): number | undefined {
    return undefined;
  }

  watch(listener: (event: DiscoveryEvent) => void): Watch {
    return this.#membership.watch(listener);
  }

  async start(): Promise<void> {
    if (this.#isClosed || this.#events !== undefined) return;
    this.#membership.lose(source);
    this.#events = this.#options.registry.watch((event) => {
      if ('node' in event) void this.#read();
    });
    await this.#read();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#events?.close();
    this.#timer?.cancel();
    this.#membership.close();
    await this.#reading;
  }

  /** Reads now; one more time when asked while it reads, since that answer may be older than the reason to ask. */
  async #read(): Promise<void> {
    this.#isReadWanted = true;
    this.#timer?.cancel();
    this.#reading ??= this.#run();
    await this.#reading;
  }

  async #run(): Promise<void> {
    while (this.#isReadWanted && !this.#isClosed) {
      this.#isReadWanted = false;
      await this.#readOnce();
    }
    this.#reading = undefined;
    if (!this.#isClosed) {
      this.#timer = this.#options.clock.after(this.#limits.periodMs, () => void this.#read());
    }
  }

  async #readOnce(): Promise<void> {
    const { clock, registry } = this.#options;
    try {
      const nodes = await withDeadline(clock, this.#limits.callMs, registry.nodes());
      if (this.#isAway) this.#logger.debug({ nodes: nodes.length }, 'discovery reads the registry again');
      this.#isAway = false;
      this.#membership.accept(source, this.#bounded(nodes));
    } catch (caught) {
      this.#failures.add(1, { reason: 'registry' });
      this.#membership.lose(source);
      this.#isAway = true;
      this.#warn(caught);
    }
  }

  #warn(caught: unknown): void {
    if (this.#gate.pass() === undefined) return;
    const known = this.nodes().length;
    // Why is said once, by the registry itself.
    this.#logger.debug({ err: toAppError(caught), known }, 'discovery cannot read the registry');
  }

  #bounded(nodes: readonly NodeRecord[]): readonly NodeRecord[] {
    const { maxNodes } = this.#limits;
    if (nodes.length <= maxNodes) return nodes;
    if (this.#gate.pass() !== undefined) {
      this.#logger.warn({ nodes: nodes.length, maxNodes }, 'more nodes than discovery takes');
    }
    return nodes.slice(0, maxNodes);
  }
}
