// A cluster of real processes around a real Redis, with a handle on everything that can go wrong.
import type { Redis } from 'ioredis';
import type { ClusterNodeView, NodeListView, StreamView } from '@headwater/contracts';
import type { ChildExit } from './child.ts';
import { defer } from './cleanup.ts';
import { FaultProxy } from './chaos-fault-proxy.ts';
import { freePort } from './free-port.ts';
import { type RunningHeadwater, startHeadwater } from './headwater.ts';
import { metricOf } from './media-metrics.ts';
import { type RunningRedis, startRedis } from './redis.ts';
import { waitUntil } from './wait-until.ts';

type ChaosRole = 'origin' | 'edge' | 'controller';
type Settings = Readonly<Record<string, string | number | boolean>>;

/** What the cluster is made of. */
export interface ChaosClusterOptions {
  readonly origins: number;
  readonly edges: number;
  readonly controllers?: number;
  /** `--set key=value` for every node. */
  readonly set?: Settings;
  /** The same for the nodes of a role. */
  readonly setOf?: Readonly<Partial<Record<ChaosRole, Settings>>>;
}

/** Leases of the clusters under test: short, and long enough for a busy machine. */
export const leaseMs = 3_000;
const heartbeatMs = 500;

/** One process of the cluster. */
export class ChaosNode {
  readonly id: string;
  readonly node: RunningHeadwater;
  /** Its way to Redis. */
  readonly redis: FaultProxy;
  /** The way of all others to its relay; origins only. */
  readonly relay: FaultProxy | undefined;

  constructor(
    id: string,
    node: RunningHeadwater,
    ways: { redis: FaultProxy; relay: FaultProxy | undefined },
  ) {
    this.id = id;
    this.node = node;
    this.redis = ways.redis;
    this.relay = ways.relay;
  }

  /** Where publishers reach it, `host:port`. */
  get rtmp(): string {
    return this.node.ready.rtmp ?? '';
  }

  /** Ends it at once. */
  kill(): void {
    this.node.kill('SIGKILL');
  }

  /** Stops it in the middle of whatever it does, until `resume`, at the latest at the end of the test. */
  freeze(): void {
    this.node.kill('SIGSTOP');
    defer(() => this.resume());
  }

  resume(): void {
    this.node.kill('SIGCONT');
  }

  /** Asks it to end, as an orchestrator does. Resolves with how it ended. */
  async terminate(): Promise<ChildExit> {
    this.node.kill('SIGTERM');
    return this.node.child.exited;
  }

  /** The messages of its log so far. */
  messages(): readonly (string | undefined)[] {
    return this.node.logs().map(({ msg }) => msg);
  }

  /** The ids of the nodes that it knows of. */
  async knownNodes(): Promise<string[]> {
    return (await this.#nodeList()).items.map(({ id }) => id).sort();
  }

  /** The same while it is sure of them; otherwise none. */
  async confirmedNodes(): Promise<string[]> {
    return (await this.#nodeList()).isStale ? [] : this.knownNodes();
  }

  /** Another node as this one knows it; undefined when it knows of none. */
  async nodeView(id: string): Promise<ClusterNodeView | undefined> {
    return (await this.#nodeList()).items.find((view) => view.id === id);
  }

  /** A stream as this node sees it; undefined where it has none. */
  async stream(key: string): Promise<StreamView | undefined> {
    const { items } = await this.node.adminJson<{ items: StreamView[] }>('/api/v1/streams');
    return items.find((stream) => stream.key === key);
  }

  async #nodeList(): Promise<NodeListView> {
    return this.node.adminJson<NodeListView>('/api/v1/nodes');
  }
}

/** The cluster. All of it ends with the test. */
export class ChaosCluster {
  readonly origins: readonly ChaosNode[];
  readonly edges: readonly ChaosNode[];
  readonly controllers: readonly ChaosNode[];
  #redis: RunningRedis;

  private constructor(redis: RunningRedis, nodes: Readonly<Record<ChaosRole, readonly ChaosNode[]>>) {
    this.#redis = redis;
    this.origins = nodes.origin;
    this.edges = nodes.edge;
    this.controllers = nodes.controller;
  }

  /** Starts it all; resolves when every node knows every other. */
  static async start({
    origins,
    edges,
    controllers = 0,
    set = {},
    setOf = {},
  }: ChaosClusterOptions): Promise<ChaosCluster> {
    const redis = await startRedis();
    const start = async (role: ChaosRole, count: number): Promise<ChaosNode[]> =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          startNode(role, `${role}-${String(index + 1)}`, {
            redisPort: redis.port,
            set: { ...set, ...setOf[role] },
          }),
        ),
      );
    const [origin, edge, controller] = await Promise.all([
      start('origin', origins),
      start('edge', edges),
      start('controller', controllers),
    ]);
    const cluster = new ChaosCluster(redis, { origin, edge, controller });
    await cluster.untilComplete();
    return cluster;
  }

  /** The origin of that place; the first is 0. */
  origin(index: number): ChaosNode {
    return at(this.origins, index);
  }

  /** The edge of that place; the first is 0. */
  edge(index: number): ChaosNode {
    return at(this.edges, index);
  }

  get nodes(): readonly ChaosNode[] {
    return [...this.origins, ...this.edges, ...this.controllers];
  }

  /** Resolves when every running node finds just the running nodes, and is sure of it. */
  async untilComplete(): Promise<void> {
    const running = this.nodes.filter(({ node }) => node.child.exit === undefined);
    const all = running
      .map(({ id }) => id)
      .sort()
      .join();
    for (const node of running) {
      const known = async (): Promise<string> => node.confirmedNodes().then(String, () => '');
      await waitUntil(`${node.id} knows ${all}`, async () => (await known()) === all, { timeoutMs: 20_000 });
    }
  }

  /** The origin that has the stream, by its own word. */
  async ownerOf(key: string): Promise<ChaosNode> {
    for (const origin of this.origins) {
      if (origin.node.child.exit === undefined && (await origin.stream(key))?.owner === origin.id) {
        return origin;
      }
    }
    throw new Error(`no origin owns ${key}`);
  }

  /** Resolves with the controller that leads, once there is exactly one among those that are asked. */
  async leader(among: readonly ChaosNode[] = this.controllers): Promise<ChaosNode> {
    return waitUntil(
      'one controller leads',
      async () => {
        const leading = await Promise.all(
          among.map(async ({ node }) => metricOf(node, 'headwater_controller_leading')),
        );
        const leaders = among.filter((_, index) => leading[index] === 1);
        return leaders.length === 1 && leaders[0];
      },
      { timeoutMs: 20_000 },
    );
  }

  /** A client of Redis, for looking and for breaking things. */
  redisClient(): Redis {
    return this.#redis.client();
  }

  /** Kills Redis; all that it knew is lost. */
  stopRedis(): void {
    this.#redis.kill('SIGKILL');
  }

  /** Starts Redis again, empty, on its port. */
  async restartRedis(): Promise<void> {
    this.#redis = await startRedis({ port: this.#redis.port });
  }

  /** Redis answers nobody for that long. Resolves when it answers again. */
  async redisSleeps(seconds: number): Promise<void> {
    const client = this.#redis.client();
    await client.ping();
    await client.call('DEBUG', 'SLEEP', String(seconds));
  }
}

function at(nodes: readonly ChaosNode[], index: number): ChaosNode {
  const node = nodes[index];
  if (node === undefined) throw new Error(`the cluster has no such node: ${String(index)}`);
  return node;
}

async function startNode(
  role: ChaosRole,
  id: string,
  options: { redisPort: number; set: Settings },
): Promise<ChaosNode> {
  const redis = await FaultProxy.start(options.redisPort);
  const relayPort = role === 'origin' ? await freePort() : undefined;
  const relay = relayPort === undefined ? undefined : await FaultProxy.start(relayPort);
  const node = await startHeadwater({
    role,
    set: {
      'node.id': id,
      'registry.kind': 'redis',
      'registry.redis.url': `redis://127.0.0.1:${String(redis.port)}`,
      'registry.lease': `${String(leaseMs)}ms`,
      'registry.heartbeat': `${String(heartbeatMs)}ms`,
      ...(relay === undefined
        ? {}
        : { 'relay.port': relayPort ?? 0, 'relay.advertise': `127.0.0.1:${String(relay.port)}` }),
      ...options.set,
    },
  });
  return new ChaosNode(id, node, { redis, relay });
}
