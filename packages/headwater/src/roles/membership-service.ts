import { cpuUsage } from 'node:process';
import { NodeHeart, type NodeLoad, type StreamRegistry } from '@headwater/cluster';
import type { Edge } from '@headwater/edge';
import type { Origin } from '@headwater/origin';
import type { NodeContext } from '../node-context.ts';
import type { Service } from '../service.ts';
import { reachableAddresses } from './reachable-addresses.ts';

/** What membership speaks for. */
export interface MembershipParts {
  readonly registry: StreamRegistry;
  readonly origin: Origin | undefined;
  readonly edge: Edge | undefined;
}

/** Keeps the node in the registry, from when its addresses are known to when it stops. */
export class MembershipService implements Service {
  readonly name = 'membership';
  readonly #context: NodeContext;
  readonly #parts: MembershipParts;
  #heart: NodeHeart | undefined;
  #isDraining = false;
  #lastCpuMicros = 0;
  #lastBytes = 0;
  #lastMs = 0;

  constructor(context: NodeContext, parts: MembershipParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Why the node is not in the registry; undefined when it is. */
  get trouble(): string | undefined {
    return this.#heart?.state === 'beating' ? undefined : 'the registry does not know this node yet';
  }

  async start(): Promise<void> {
    const { clock, logger, node, roles, config, addresses } = this.#context;
    const { registry, origin } = this.#parts;
    this.#heart = new NodeHeart({
      registry,
      clock,
      logger,
      node: {
        ...node,
        roles,
        zone: config.node.zone,
        region: config.node.region,
        addresses: reachableAddresses(config, addresses.all()),
      },
      load: () => this.#load(),
      isDraining: () => this.#isDraining,
      owned: () => origin?.owned() ?? new Map(),
      onLost: (lost) => origin?.yieldStreams(lost),
      limits: { periodMs: config.registry.heartbeatMs, leaseMs: config.registry.leaseMs },
    });
    await this.#heart.start();
  }

  /** Tells the cluster that the node takes nobody new. */
  async announceDrain(): Promise<void> {
    this.#isDraining = true;
    await this.#heart?.beat();
  }

  async stop(): Promise<void> {
    await this.#heart?.stop();
    await this.#parts.registry.close();
  }

  // Rates since the last heartbeat.
  #load(): NodeLoad {
    const nowMs = this.#context.clock.nowMs();
    const { user, system } = cpuUsage();
    const bytes = this.#parts.edge?.bytesWritten ?? 0;
    const elapsedMs = Math.max(1, nowMs - this.#lastMs);
    const cpu = (user + system - this.#lastCpuMicros) / 1_000 / elapsedMs;
    const egressBitsPerSecond = Math.round(((bytes - this.#lastBytes) * 8_000) / elapsedMs);
    this.#lastCpuMicros = user + system;
    this.#lastBytes = bytes;
    this.#lastMs = nowMs;
    return {
      cpu,
      publishers: this.#parts.origin?.publishers ?? 0,
      viewers: this.#parts.edge?.viewers.size ?? 0,
      egressBitsPerSecond,
    };
  }
}
