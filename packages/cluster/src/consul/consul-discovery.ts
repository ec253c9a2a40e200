// Discovery by Consul: each node is a service with a TTL check, and all nodes follow that service in every datacenter.
//   announcer ──registers, renews──▶ local Consul ◀──blocking queries── one follower a datacenter ──▶ membership
// A beat that fails casts doubt on what the followers hold, since a Consul that stood still comes back with every check
// failed: they ask again at once, and the membership keeps everybody until they had time to renew.
import {
  silentLogger,
  silentMetrics,
  type Clock,
  type Logger,
  type Metrics,
  type Timer,
} from '@headwater/contracts';
import { LogGate } from '../discovery/log-gate.ts';
import { Membership } from '../discovery/membership.ts';
import type { DiscoveryEvent, NodeDiscovery } from '../discovery/node-discovery.ts';
import type { NodeRecord } from '../node-record.ts';
import type { Watch } from '../stream-registry.ts';
import { ConsulAnnouncer, type AnnouncedNode, type ConsulAnnouncerLimits } from './consul-announcer.ts';
import { ConsulClient, type ConsulAnswer, type ConsulClientOptions } from './consul-client.ts';
import { ConsulFailure, toConsulFailure } from './consul-failure.ts';
import { median } from './coordinates.ts';
import { Nearness } from './nearness.ts';
import { OutageLog } from './outage-log.ts';
import { ServiceFollower, type ServiceFollowerLimits } from './service-follower.ts';
import { readEntries } from './service-list.ts';
import type { ConsulPlace } from './service-record.ts';

/** What a Consul discovery is made of. */
export interface ConsulDiscoveryOptions extends ConsulClientOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** The node to announce; left out by who only looks. */
  readonly self?: AnnouncedNode;
  /** The name of the service in Consul; default `headwater`. One Consul may serve several clusters by different names. */
  readonly serviceName?: string;
  /** The datacenters to follow; default all that Consul knows. */
  readonly datacenters?: readonly string[];
  readonly limits?: Partial<ConsulDiscoveryLimits>;
}

/** Times and sizes of a Consul discovery. */
export interface ConsulDiscoveryLimits extends ConsulAnnouncerLimits, ServiceFollowerLimits {
  /** How long nodes are kept that Consul does not list after it was away. */
  readonly graceMs: number;
  /** How often coordinates are read. */
  readonly coordinatesMs: number;
  /** How often the list of datacenters is read. */
  readonly datacentersMs: number;
  /** How long a datacenter is followed that is no longer listed. */
  readonly forgetDatacenterMs: number;
  readonly maxDatacenters: number;
  /** Per datacenter. */
  readonly maxNodes: number;
}

const defaults = {
  graceMs: 15_000,
  coordinatesMs: 10_000,
  datacentersMs: 30_000,
  forgetDatacenterMs: 600_000,
  maxDatacenters: 32,
  maxNodes: 4_096,
};

/** Nodes that the distance of two regions is made of, from each: enough for a median. */
const maxSamples = 9;

/** `NodeDiscovery` over Consul, which also announces this node there. */
export class ConsulDiscovery implements NodeDiscovery {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #serviceName: string;
  readonly #fixedDatacenters: readonly string[] | undefined;
  readonly #limits: typeof defaults & Partial<ConsulDiscoveryLimits>;
  readonly #client: ConsulClient;
  readonly #membership: Membership;
  readonly #outages: OutageLog;
  readonly #announcer: ConsulAnnouncer | undefined;
  readonly #selfId: string | undefined;
  readonly #nearness: Nearness;
  readonly #ignoredGate: LogGate;
  readonly #hiddenGate: LogGate;
  readonly #countIgnored: (count: number) => void;
  /** By datacenter. */
  readonly #followers = new Map<string, { readonly follower: ServiceFollower; listedMs: number }>();
  /** Where nodes were seen last, by node id. */
  readonly #places = new Map<string, ConsulPlace>();
  #timer: Timer | undefined;
  #state: 'idle' | 'started' | 'closed' = 'idle';
  #announcedSinceMs: number | undefined;

  constructor(options: ConsulDiscoveryOptions) {
    const {
      clock,
      logger = silentLogger,
      metrics = silentMetrics,
      self,
      serviceName = 'headwater',
    } = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#serviceName = serviceName;
    this.#fixedDatacenters = options.datacenters;
    this.#selfId = self?.node.nodeId;
    this.#limits = { ...defaults, ...options.limits };
    this.#client = new ConsulClient(options);
    const { graceMs, coordinatesMs: periodMs } = this.#limits;
    this.#membership = new Membership({
      ...{ clock, logger, metrics, graceMs },
      ...(self === undefined ? {} : { selfId: self.node.nodeId }),
    });
    const needs = `service:write on ${serviceName}, node:read on all nodes`;
    this.#outages = new OutageLog({ clock, logger, metrics, needs });
    this.#ignoredGate = new LogGate(clock, 1_000);
    this.#hiddenGate = new LogGate(clock, 60_000);
    const ignored = metrics.counter({
      name: 'headwater_discovery_ignored_total',
      help: 'Announcements in Consul that were not understood or too many.',
    });
    this.#countIgnored = (count) => {
      ignored.add(count);
    };
    const { client, outages } = { client: this.#client, outages: this.#outages };
    const datacenters = (): readonly string[] => [...this.#followers.keys()];
    this.#nearness = new Nearness({ client, clock, outages, datacenters, periodMs });
    this.#announcer =
      self &&
      new ConsulAnnouncer({
        ...self,
        ...{ client, clock, serviceName, limits: this.#limits },
        onBeat: (failure) => {
          this.#onBeat(failure);
        },
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

  watch(listener: (event: DiscoveryEvent) => void): Watch {
    return this.#membership.watch(listener);
  }

  distanceMs(fromNodeId: string, toNodeId: string): number | undefined {
    if (this.node(fromNodeId) === undefined || this.node(toNodeId) === undefined) return undefined;
    if (fromNodeId === toNodeId) return 0;
    const [from, to] = [this.#places.get(fromNodeId), this.#places.get(toNodeId)];
    return from && to && this.#nearness.distanceMs(from, to);
  }

  regionDistanceMs(fromRegion: string, toRegion: string): number | undefined {
    const distances: number[] = [];
    for (const from of this.#sampleOf(fromRegion)) {
      for (const to of this.#sampleOf(toRegion)) {
        const distance = from === to ? undefined : this.distanceMs(from, to);
        if (distance !== undefined) distances.push(distance);
      }
    }
    return median(distances);
  }

  /** Announces now instead of at the next period, e.g. because draining has begun. */
  async beat(): Promise<void> {
    if (this.#state === 'started') await this.#announcer?.beat();
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#state = 'started';
    await this.#announcer?.beat();
    await this.#readDatacenters();
    void this.#nearness.refresh();
  }

  /** Deregisters this node and stops following. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#membership.close();
    this.#nearness.close();
    const following = [...this.#followers.values()].map(({ follower }) => follower.close());
    try {
      await this.#announcer?.stop();
    } catch (caught) {
      const failure = toConsulFailure('deregister service', caught);
      if (failure.kind !== 'unknown') {
        this.#logger.warn({ reason: failure.message }, 'node could not be deregistered from consul');
      }
    }
    this.#client.close();
    await Promise.all(following);
  }

  #onBeat(failure: ConsulFailure | undefined): void {
    if (failure === undefined) {
      const isReturn = this.#announcedSinceMs === undefined;
      this.#announcedSinceMs ??= this.#clock.nowMs();
      this.#outages.succeeded('announce');
      if (isReturn) this.#refreshFollowers();
      return;
    }
    this.#outages.failed('announce', failure);
    const isFirst = this.#announcedSinceMs !== undefined;
    this.#announcedSinceMs = undefined;
    if (!isFirst || failure.kind === 'denied') return;
    for (const datacenter of this.#followers.keys()) this.#membership.lose(datacenter);
    this.#refreshFollowers();
  }

  #refreshFollowers(): void {
    for (const { follower } of this.#followers.values()) follower.refresh();
  }

  async #readDatacenters(): Promise<void> {
    let pauseMs = this.#limits.datacentersMs;
    try {
      const listed = this.#fixedDatacenters ?? readDatacenters(await this.#client.datacenters());
      await this.#followOnly(listed.slice(0, this.#limits.maxDatacenters));
      this.#outages.succeeded('datacenters');
    } catch (caught) {
      if (this.#isClosed()) return;
      this.#outages.failed('datacenters', toConsulFailure('list datacenters', caught));
      // Without any there is nothing to look at: soon again.
      if (this.#followers.size === 0) pauseMs = 1_000;
    }
    if (this.#isClosed()) return;
    this.#timer = this.#clock.after(pauseMs, () => void this.#readDatacenters());
  }

  async #followOnly(listed: readonly string[]): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const starting: Promise<void>[] = [];
    for (const datacenter of listed) {
      const known = this.#followers.get(datacenter);
      if (known !== undefined) known.listedMs = nowMs;
      else if (!this.#isClosed()) starting.push(this.#follow(datacenter));
    }
    for (const [datacenter, { follower, listedMs }] of this.#followers) {
      // A Consul that has just started knows no other datacenters yet.
      if (nowMs - listedMs < this.#limits.forgetDatacenterMs) continue;
      this.#followers.delete(datacenter);
      this.#membership.forget(datacenter);
      this.#outages.succeeded('follow', datacenter);
      this.#logger.info({ datacenter }, 'datacenter is no longer listed by consul');
      starting.push(follower.close());
    }
    await Promise.all(starting);
  }

  async #follow(datacenter: string): Promise<void> {
    const follower = new ServiceFollower({
      ...{ client: this.#client, clock: this.#clock, service: this.#serviceName, datacenter },
      limits: this.#limits,
      onAnswer: (answer, isReset) => {
        this.#accept(datacenter, answer, isReset);
      },
      onFailure: (failure) => {
        this.#membership.lose(datacenter);
        this.#outages.failed('follow', failure, datacenter);
      },
    });
    this.#followers.set(datacenter, { follower, listedMs: this.#clock.nowMs() });
    this.#membership.lose(datacenter);
    await follower.start();
  }

  #accept(datacenter: string, answer: ConsulAnswer, isReset: boolean): void {
    if (!Array.isArray(answer.body)) {
      const failure = new ConsulFailure('answer', 'list services', { said: 'not a list' });
      this.#membership.lose(datacenter);
      this.#outages.failed('follow', failure, datacenter);
      return;
    }
    this.#outages.succeeded('follow', datacenter);
    if (isReset) {
      this.#logger.warn({ datacenter }, 'consul has lost its state');
      this.#membership.lose(datacenter);
    }
    const { alive, ignored, twice } = readEntries(answer.body, this.#limits.maxNodes);
    this.#tellIgnored(datacenter, ignored, twice);
    for (const { node, place } of alive) this.#places.set(node.nodeId, place);
    this.#membership.accept(
      datacenter,
      alive.map(({ node }) => node),
    );
    for (const nodeId of this.#places.keys()) {
      if (this.node(nodeId) === undefined) this.#places.delete(nodeId);
    }
    this.#tellHidden(answer);
  }

  #tellIgnored(datacenter: string, ignored: readonly object[], twice: readonly string[]): void {
    if (ignored.length > 0) this.#countIgnored(ignored.length);
    if (ignored.length + twice.length === 0 || this.#ignoredGate.pass() === undefined) return;
    if (ignored.length > 0) {
      this.#logger.warn(
        { datacenter, count: ignored.length, first: ignored[0] },
        'announcements in consul ignored',
      );
    } else {
      this.#logger.warn(
        { datacenter, nodeIds: twice.slice(0, 8) },
        'several runs of a node announced in consul',
      );
    }
  }

  /** A token that may write but not read gets a list without some or all of the nodes, and no error. */
  #tellHidden(answer: ConsulAnswer): void {
    const isSelfHidden =
      this.#selfId !== undefined &&
      this.#announcedSinceMs !== undefined &&
      this.#clock.nowMs() - this.#announcedSinceMs > 10_000 &&
      this.node(this.#selfId) === undefined;
    if (!isSelfHidden && !answer.isFiltered) return;
    if (this.#hiddenGate.pass() === undefined) return;
    const needs = `service:read on ${this.#serviceName} and node:read`;
    this.#logger.error({ needs }, 'consul hides nodes from this token');
  }

  #sampleOf(region: string): string[] {
    const nodeIds = this.nodes()
      .filter((node) => node.region === region)
      .map((node) => node.nodeId);
    return nodeIds.sort().slice(0, maxSamples);
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function readDatacenters({ body }: ConsulAnswer): string[] {
  if (!Array.isArray(body) || !body.every((name) => typeof name === 'string')) {
    throw new ConsulFailure('answer', 'list datacenters', { said: 'not a list of names' });
  }
  // A Consul that has just started does not know its own yet.
  if (body.length === 0) throw new ConsulFailure('answer', 'list datacenters', { said: 'none' });
  return body;
}
