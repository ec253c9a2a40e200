// A cluster of real processes around a real Redis, as an operator runs it: default settings, origins behind a load
// balancer, each node on ports that stay the same when it is started again.
import { RedisStreamRegistry } from '@headwater/cluster';
import { Balancer } from '../../../deploy/local/cluster-balancer.mjs';
import { defer } from '../../support/cleanup.ts';
import { freePort } from '../../support/free-port.ts';
import { type RunningHeadwater, startHeadwater } from '../../support/headwater.ts';
import { metricOf } from '../../support/media-metrics.ts';
import { realClock } from '../../support/real-clock.ts';
import { type RunningRedis, startRedis } from '../../support/redis.ts';
import { waitUntil } from '../../support/wait-until.ts';

type BenchRole = 'origin' | 'edge' | 'controller';
type Settings = Readonly<Record<string, string | number | boolean>>;

const startAttempts = 5;
const readyMs = 30_000;

/** What the cluster is made of. */
export interface BenchClusterOptions {
  readonly origins: number;
  readonly edges: number;
  readonly controllers: number;
  /** `--set key=value` for every node. */
  readonly set?: Settings;
}

/** One process of the cluster. */
export class BenchNode {
  readonly id: string;
  readonly #role: BenchRole;
  readonly #set: Settings;
  #running: RunningHeadwater | undefined;

  constructor(role: BenchRole, id: string, set: Settings) {
    this.#role = role;
    this.id = id;
    this.#set = set;
  }

  /** The process; throws before the first start. */
  get node(): RunningHeadwater {
    if (this.#running === undefined) throw new Error(`${this.id} was never started`);
    return this.#running;
  }

  /** Where publishers reach it, `host:port`. */
  get rtmp(): string {
    return this.node.ready.rtmp ?? '';
  }

  /** Starts it, again on the ports that it had, as soon as they can be had. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#running = await startHeadwater({ role: this.#role, set: this.#set });
        return;
      } catch (error) {
        // A passing connection may sit on one of its ports.
        if (attempt === startAttempts) throw error;
      }
    }
  }

  /** Sends it a signal; resolves at once. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.node.kill(signal);
  }

  /** When it said so in its log, Unix ms; undefined when it did not after `sinceMs`. */
  saidAtMs(message: string, about: string, sinceMs: number): number | undefined {
    for (const { msg, node, time } of this.node.logs()) {
      if (msg !== message || node !== about || typeof time !== 'string') continue;
      const atMs = Date.parse(time);
      if (atMs >= sinceMs) return atMs;
    }
    return undefined;
  }
}

/** The cluster. All of it ends with `runDeferred`. */
export class BenchCluster {
  readonly origins: readonly BenchNode[];
  readonly edges: readonly BenchNode[];
  readonly controllers: readonly BenchNode[];
  readonly redis: RunningRedis;
  /** Looks at the registry as every node does. */
  readonly registry: RedisStreamRegistry;
  readonly #balancer: Balancer;
  readonly #publishAddress: string;

  private constructor(parts: {
    readonly redis: RunningRedis;
    readonly nodes: Readonly<Record<BenchRole, readonly BenchNode[]>>;
    readonly balancer: Balancer;
    readonly publishAddress: string;
  }) {
    this.origins = parts.nodes.origin;
    this.edges = parts.nodes.edge;
    this.controllers = parts.nodes.controller;
    this.redis = parts.redis;
    this.#balancer = parts.balancer;
    this.#publishAddress = parts.publishAddress;
    const { url } = parts.redis;
    this.registry = new RedisStreamRegistry({ clock: realClock, server: { kind: 'single', url } });
    defer(() => this.registry.close());
    // From now on the events are followed, so that later watches miss none.
    this.registry.watch(() => undefined);
  }

  /** Starts it all; resolves when it is complete. */
  static async start({ origins, edges, controllers, set = {} }: BenchClusterOptions): Promise<BenchCluster> {
    const redis = await startRedis();
    const common = { 'registry.kind': 'redis', 'registry.redis.url': redis.url, ...set };
    const start = async (role: BenchRole, count: number): Promise<BenchNode[]> =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const id = `${role}-${String(index + 1)}`;
          const node = new BenchNode(role, id, { 'node.id': id, ...common, ...(await portsOf(role)) });
          await node.start();
          return node;
        }),
      );
    const [origin, edge, controller] = await Promise.all([
      start('origin', origins),
      start('edge', edges),
      start('controller', controllers),
    ]);
    const balancerPort = await freePort();
    const balancer = await startBalancer(balancerPort, origin);
    const cluster = new BenchCluster({
      redis,
      nodes: { origin, edge, controller },
      balancer,
      publishAddress: `127.0.0.1:${String(balancerPort)}`,
    });
    // Nothing of interest happens at the end: nobody waits for it.
    defer(() => {
      for (const node of cluster.nodes) node.signal('SIGKILL');
    });
    await cluster.untilComplete();
    return cluster;
  }

  /** Where publishers go, `host:port`. */
  get publishAddress(): string {
    return this.#publishAddress;
  }

  get nodes(): readonly BenchNode[] {
    return [...this.origins, ...this.edges, ...this.controllers];
  }

  /** The origin of that name. */
  originOf(nodeId: string): BenchNode {
    const origin = this.origins.find(({ id }) => id === nodeId);
    if (origin === undefined) throw new Error(`there is no origin ${nodeId}`);
    return origin;
  }

  /** Resolves when all nodes are in the registry, all origins get publishers, and one controller leads and judges. */
  async untilComplete(): Promise<void> {
    const timeoutMs = readyMs;
    const all = listed(this.nodes.map(({ id }) => id));
    await waitUntil(
      `the registry lists ${all}`,
      async () => listed((await this.registry.nodes()).map(({ nodeId }) => nodeId)) === all,
      { timeoutMs },
    );
    const origins = listed(this.origins.map(({ id }) => id));
    await waitUntil('publishers may go to all origins', () => listed(this.#balancer.readyNames) === origins, {
      timeoutMs,
    });
    await waitUntil('one controller leads and judges', async () => this.#isControlled(), { timeoutMs });
  }

  async #isControlled(): Promise<boolean> {
    if (this.controllers.length === 0) return true;
    const states = await Promise.all(
      this.controllers.map(async ({ node }) => ({
        isLeading: (await metricOf(node, 'headwater_controller_leading')) === 1,
        isBlind: (await metricOf(node, 'headwater_controller_blind')) === 1,
      })),
    );
    const leaders = states.filter(({ isLeading }) => isLeading);
    return leaders.length === 1 && leaders.every(({ isBlind }) => !isBlind);
  }
}

function listed(names: readonly string[]): string {
  return names.toSorted().join();
}

async function portsOf(role: BenchRole): Promise<Settings> {
  if (role !== 'origin') return {};
  return { 'rtmp.port': await freePort(), 'admin.port': await freePort(), 'relay.port': await freePort() };
}

async function startBalancer(port: number, origins: readonly BenchNode[]): Promise<Balancer> {
  const targets = origins.map(({ id, node, rtmp }) => {
    const [host = '', targetPort = ''] = rtmp.split(':');
    return { name: id, host, port: Number(targetPort), readyUrl: node.adminUrl('/readyz') };
  });
  const balancer = new Balancer({ host: '127.0.0.1', port, targets });
  await balancer.start();
  defer(() => balancer.stop());
  return balancer;
}
