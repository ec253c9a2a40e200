import {
  parseStreamKey,
  silentLogger,
  type AccessDecision,
  type MetricLabels,
  type Metrics,
} from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry, type NodeRecord } from '@headwater/cluster';
import { defaultBacklogLimits, immediateFlushPlan, type Frame } from '@headwater/media';
import type { PullHandler } from '@headwater/relay';
import { Edge, type EdgeOptions } from '../edge.ts';

/** Times of a rig's edge, in ms. */
export const rigTimes = { holdMs: 15_000, lingerMs: 20_000, waitForStreamMs: 10_000 } as const;

const node = { nodeId: 'origin-1', incarnation: 'run-1' };

/** Lets everything come to its end that waits neither for time nor for a socket. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** An edge whose one stream, `live/cam1`, is pulled from the test itself. */
export class EdgeRig {
  readonly clock: ManualClock = new ManualClock();
  readonly registry: MemoryStreamRegistry = new MemoryStreamRegistry({
    clock: this.clock,
    leaseMs: 10_000_000,
  });
  readonly edge: Edge;
  /** How viewers ended: reasons with their numbers. */
  readonly ends: Map<string, number> = new Map<string, number>();
  /** What the edge's counters have come to, whatever their labels. */
  readonly counted: Map<string, number> = new Map<string, number>();
  /** The handlers of all pulls so far. */
  readonly pulls: PullHandler[] = [];
  /** Where they went. */
  readonly pulled: string[] = [];
  /** The nodes that the edge knows. */
  nodes: readonly NodeRecord[] = [];
  /** What the access policy says. */
  decide = (): Promise<AccessDecision> => Promise.resolve({ allowed: true });

  private constructor(over: Partial<EdgeOptions>) {
    const { clock, registry } = this;
    this.edge = new Edge({
      ...rigTimes,
      clock,
      registry,
      logger: silentLogger,
      metrics: this.#metrics(),
      relay: {
        pull: (address, _request, handler) => {
          this.pulled.push(address);
          this.pulls.push(handler);
          return { close: () => undefined };
        },
      },
      access: { decide: () => this.decide() },
      ring: {},
      flushPlan: immediateFlushPlan,
      backlog: defaultBacklogLimits,
      defaultLatency: 'normal',
      maxViewers: 10,
      maxStreams: 10,
      overload: () => undefined,
      node: { nodeId: 'edge-1', zone: '', region: '' },
      nodes: () => this.nodes,
      hasPeers: true,
      reportLoss: () => undefined,
      random: () => 0.5,
      ...over,
    });
  }

  static async start(over: Partial<EdgeOptions> = {}): Promise<EdgeRig> {
    const rig = new EdgeRig(over);
    await rig.registry.join({
      ...node,
      roles: ['origin'],
      zone: '',
      region: '',
      addresses: {},
      isDraining: false,
      load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
    });
    return rig;
  }

  /** The stream begins; whoever waits for it has it pulled. */
  async claim(): Promise<number> {
    const stream = parseStreamKey('live/cam1');
    const claim = await this.registry.claim({ stream, owner: node, relayAddress: 'origin-1:1' });
    if (claim.outcome !== 'claimed') throw new Error('the stream was not free');
    await settle();
    return claim.record.epoch;
  }

  /** The stream begins, and its pull opens with the frames. */
  async goLive(frames: readonly Frame[] = []): Promise<void> {
    const epoch = await this.claim();
    this.pulls.at(-1)?.opened({ epoch, firstSequence: 0, resumed: false, state: 'live' });
    this.pulls.at(-1)?.frames(frames);
  }

  async close(): Promise<void> {
    this.edge.close();
    await this.registry.close();
  }

  #metrics(): Metrics {
    return {
      counter: ({ name }) => ({
        add: (value: number, { reason = '' }: MetricLabels = {}) => {
          this.counted.set(name, (this.counted.get(name) ?? 0) + value);
          if (name !== 'headwater_play_ends_total') return;
          this.ends.set(reason, (this.ends.get(reason) ?? 0) + value);
        },
      }),
      gauge: () => ({ set: () => undefined }),
      histogram: () => ({ observe: () => undefined }),
    };
  }
}
