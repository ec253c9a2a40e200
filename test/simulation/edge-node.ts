import { NodeHeart, RegistryDiscovery, UpstreamReporter } from '@headwater/cluster';
import { silentLogger, silentMetrics } from '@headwater/contracts';
import { Edge } from '@headwater/edge';
import { defaultBacklogLimits, immediateFlushPlan } from '@headwater/media';
import { tokenAccess } from './access.ts';
import type { SimulatedProcess } from './process.ts';
import { heartbeatMs, holdMs, idleLoad, leaseMs, lingerMs, waitForStreamMs } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** One run of an edge. */
interface EdgeRun {
  readonly process: SimulatedProcess;
  readonly edge: Edge;
}

/** A machine with an edge, run after run. */
export class EdgeNode {
  readonly name: string;
  readonly #world: Surroundings;
  #run: EdgeRun;

  constructor(world: Surroundings, name: string) {
    this.#world = world;
    this.name = name;
    this.#run = runEdge(world, name);
  }

  get process(): SimulatedProcess {
    return this.#run.process;
  }

  get edge(): Edge {
    return this.#run.edge;
  }

  restart(): void {
    if (this.process.state === 'dead') this.#run = runEdge(this.#world, this.name);
  }
}

function runEdge(world: Surroundings, name: string): EdgeRun {
  const process = world.newProcess(name);
  const address = `${name}:1`;
  const { registry, reports } = world.redis.client(process);
  const reporter = new UpstreamReporter({ reports, clock: process, logger: silentLogger, nodeId: name });
  const nodes = new RegistryDiscovery({ registry, clock: process, selfId: name });
  const edge = new Edge({
    clock: process,
    logger: world.loggerOf(name),
    metrics: silentMetrics,
    registry,
    relay: world.relay.client(process),
    access: tokenAccess,
    node: { nodeId: name, zone: '', region: '' },
    nodes: () => nodes.nodes(),
    hasPeers: true,
    ring: { maxFrames: 20 },
    flushPlan: immediateFlushPlan,
    backlog: defaultBacklogLimits,
    defaultLatency: 'low',
    holdMs,
    lingerMs,
    waitForStreamMs,
    maxViewers: 10,
    maxStreams: 10,
    overload: () => undefined,
    reportLoss: (owner, loss) => {
      reporter.lost(owner, loss);
    },
    random: () => world.random.next(),
  });
  world.relay.listen(address, process, edge.peerFeed);
  const heart = new NodeHeart({
    registry,
    clock: process,
    logger: silentLogger,
    node: {
      nodeId: name,
      incarnation: process.incarnation,
      roles: ['edge'],
      zone: '',
      region: '',
      addresses: { relay: address },
    },
    load: () => idleLoad,
    isDraining: () => false,
    owned: () => new Map(),
    onLost: () => undefined,
    limits: { periodMs: heartbeatMs, leaseMs },
  });
  void heart.start();
  void nodes.start();
  return { process, edge };
}
