import { availableParallelism } from 'node:os';
import { cpuUsage } from 'node:process';
import type { Config } from '@headwater/contracts';
import { NodeHeart, type NodeLoad, type NodeRecord, type StreamRegistry } from '@headwater/cluster';
import type { Gauge } from '@headwater/contracts';
import type { Origin, RegistryStanding } from '@headwater/origin';
import type { NodeContext } from '../node-context.ts';
import type { Service } from '../service.ts';
import type { Audience } from './audience.ts';
import type { ClusterNodes } from './discovery.ts';
import { refuseNamesake } from './namesake.ts';
import { reachableAddresses } from './reachable-addresses.ts';

/** What membership speaks for. */
export interface MembershipParts {
  readonly registry: StreamRegistry;
  readonly nodes: ClusterNodes;
  readonly origin: Origin | undefined;
  readonly audience: Audience | undefined;
  /** For which limit newcomers are turned away now. */
  readonly overload?: () => { readonly limit: string } | undefined;
  /** The processes beside this one; their CPU time counts, and they can keep as many cores busy. */
  readonly crew?: { readonly size: number; readonly view: { readonly cpuMicros: number } } | undefined;
}

/** Keeps the node known to the others, from when its addresses are known to when it stops. */
export class MembershipService implements Service {
  readonly name = 'membership';
  readonly #context: NodeContext;
  readonly #parts: MembershipParts;
  readonly #egress: Gauge;
  #heart: NodeHeart | undefined;
  #isDraining = false;
  #isSuperseded = false;
  #lastLoad: NodeLoad = { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 };
  #lastCpuMicros = 0;
  #lastBytes = 0;
  #lastMs = 0;

  constructor(context: NodeContext, parts: MembershipParts) {
    this.#context = context;
    this.#parts = parts;
    this.#egress = context.metrics.gauge({
      name: 'headwater_egress_bits_per_second',
      help: 'Sent to viewers between the last two heartbeats.',
    });
  }

  /** Why the node is not in the registry; undefined when it is. */
  get trouble(): string | undefined {
    if (this.#isSuperseded) return 'another process runs under the id of this node';
    return this.#heart?.state === 'beating' ? undefined : 'the registry does not know this node yet';
  }

  /** How the node stands with the registry. */
  get standing(): RegistryStanding {
    const { isDoubtful = true, joinedAtMs = Number.POSITIVE_INFINITY } = this.#heart ?? {};
    const { rejoinedAtMs = Number.NEGATIVE_INFINITY } = this.#heart ?? {};
    const { redis, leaseMs } = this.#context.config.registry;
    // A registry within the process forgets nothing.
    return { isDoubtful, joinedAtMs, rejoinedAtMs, leaseMs: redis === undefined ? 0 : leaseMs };
  }

  async start(): Promise<void> {
    const { clock, logger, config } = this.#context;
    const { registry, origin, nodes } = this.#parts;
    const node = this.#announcement();
    if (config.registry.redis !== undefined) await this.#refuseNamesake();
    const isDraining = (): boolean => this.#isDraining;
    this.#heart = new NodeHeart({
      registry,
      clock,
      logger,
      node,
      load: () => this.#measureLoad(),
      isDraining,
      owned: () => origin?.owned() ?? new Map(),
      onLost: (lost) => origin?.yieldStreams(lost),
      onSuperseded: () => {
        this.#superseded();
      },
      limits: { periodMs: config.registry.heartbeatMs, leaseMs: config.registry.leaseMs },
    });
    await Promise.all([
      this.#heart.start(),
      // What the heart measured last: rates are since the last time they were asked for.
      nodes.open({ node, load: () => this.#lastLoad, isDraining }),
    ]);
  }

  /** Tells the cluster that the node takes nobody new. */
  async announceDrain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([this.#heart?.beat(), this.#parts.nodes.announce()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#heart?.stop(), this.#parts.nodes.close()]);
    await this.#parts.registry.close();
  }

  async #refuseNamesake(): Promise<void> {
    const { registry } = this.#parts;
    try {
      await refuseNamesake(registry, this.#context.node);
    } catch (error) {
      await registry.close();
      throw error;
    }
  }

  #announcement(): Omit<NodeRecord, 'load' | 'isDraining'> {
    const { node, roles, config, addresses } = this.#context;
    const { zone, region, coordinates } = config.node;
    return {
      ...{ ...node, roles, zone, region },
      addresses: reachableAddresses(config, addresses.all()),
      ...(coordinates === undefined ? {} : { coordinates }),
      ...(roles.includes('edge') ? viewersPart(config) : {}),
    };
  }

  // Who looks for this node shall find the other; publishers would find no stream that is theirs here.
  #superseded(): void {
    this.#isSuperseded = true;
    this.#parts.origin?.drain();
    // Never rejects, and waited for by whoever stops the node.
    void this.#parts.nodes.close();
  }

  // Rates since the last heartbeat.
  #measureLoad(): NodeLoad {
    const nowMs = this.#context.clock.nowMs();
    const { user, system } = cpuUsage();
    const { audience, crew } = this.#parts;
    const bytes = audience?.bytesWritten ?? 0;
    const elapsedMs = Math.max(1, nowMs - this.#lastMs);
    const cpuMicros = user + system + (crew?.view.cpuMicros ?? 0);
    const cores = Math.min(availableParallelism(), 1 + (crew?.size ?? 0));
    const cpu = (cpuMicros - this.#lastCpuMicros) / 1_000 / elapsedMs / cores;
    const egressBitsPerSecond = Math.round(((bytes - this.#lastBytes) * 8_000) / elapsedMs);
    this.#lastCpuMicros = cpuMicros;
    this.#lastBytes = bytes;
    this.#lastMs = nowMs;
    this.#egress.set(egressBitsPerSecond);
    this.#lastLoad = {
      cpu,
      publishers: this.#parts.origin?.publishers ?? 0,
      viewers: audience?.viewers.size ?? 0,
      egressBitsPerSecond,
      ...this.#overload(),
    };
    return this.#lastLoad;
  }

  #overload(): Pick<NodeLoad, 'overload'> {
    const overload = this.#parts.overload?.()?.limit;
    return overload === undefined ? {} : { overload };
  }
}

/** What routers need to know of an edge. */
function viewersPart({ http, rtmp, limits }: Config): Pick<NodeRecord, 'publicUrls' | 'capacity'> {
  const urls = {
    ...(http.publicUrl === undefined ? {} : { http: http.publicUrl }),
    ...(rtmp.publicUrl === undefined ? {} : { rtmp: rtmp.publicUrl }),
  };
  return {
    ...(Object.keys(urls).length === 0 ? {} : { publicUrls: urls }),
    capacity: { viewers: limits.viewers, egressBitsPerSecond: limits.egressBitsPerSecond },
  };
}
