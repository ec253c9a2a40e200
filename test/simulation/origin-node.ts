import { JobFollower, NodeHeart } from '@headwater/cluster';
import { silentMetrics, type PullJob } from '@headwater/contracts';
import { Origin, type PublishAttempt, type PublishContext } from '@headwater/origin';
import { tokenAccess } from './access.ts';
import type { SimulatedProcess } from './process.ts';
import { heartbeatMs, holdMs, idleLoad, leaseMs } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** A machine with an origin, run after run. */
export class OriginNode {
  readonly name: string;
  readonly address: string;
  readonly #world: Surroundings;
  #run: OriginRun;

  constructor(world: Surroundings, name: string) {
    this.#world = world;
    this.name = name;
    this.address = `${name}:1`;
    this.#run = new OriginRun(world, this);
  }

  get process(): SimulatedProcess {
    return this.#run.process;
  }

  get origin(): Origin {
    return this.#run.origin;
  }

  /** The ids of the jobs that it does. */
  get jobs(): string[] {
    return this.#run.doing.map(({ id }) => id);
  }

  /** Takes publishers, as far as a load balancer can tell. */
  get isOffered(): boolean {
    return this.process.state !== 'dead' && !this.#run.origin.isDraining;
  }

  restart(): void {
    if (this.process.state === 'dead') this.#run = new OriginRun(this.#world, this);
  }

  /** It leaves in good order. */
  stop(): void {
    const { process, origin, heart, jobs } = this.#run;
    process.deliver(() => {
      origin.drain();
      void heart.beat();
      for (const session of [...origin.sessions]) session.requestReconnect();
      process.after(1_000, () => {
        origin.close();
        void jobs.stop();
        void heart.stop().then(() => {
          process.die();
        });
      });
    });
  }

  async publish(attempt: PublishAttempt, context: PublishContext, process: SimulatedProcess): Promise<void> {
    if (process === this.process) await this.#run.origin.publish(attempt, context);
  }
}

/** One run of an origin. */
class OriginRun {
  readonly process: SimulatedProcess;
  readonly origin: Origin;
  readonly heart: NodeHeart;
  readonly jobs: JobFollower;
  /** The jobs that it does now. */
  doing: readonly PullJob[] = [];

  constructor(world: Surroundings, node: OriginNode) {
    const process = world.newProcess(node.name);
    const { registry, jobs } = world.redis.client(process);
    const relay = world.relay.client(process);
    const ref = { nodeId: node.name, incarnation: process.incarnation };
    this.process = process;
    this.origin = new Origin({
      clock: process,
      logger: world.loggerOf(node.name),
      metrics: silentMetrics,
      registry,
      access: tokenAccess,
      node: ref,
      relayAddress: () => node.address,
      standing: () => ({
        isDoubtful: this.heart.isDoubtful,
        joinedAtMs: this.heart.joinedAtMs,
        rejoinedAtMs: this.heart.rejoinedAtMs,
        leaseMs,
      }),
      random: () => world.random.next(),
      ring: { maxFrames: 20 },
      holdMs,
      maxPublishers: 10,
      relay,
      patience: {
        probeOwner: (address) =>
          relay.probe(address, 500).then(
            () => true,
            () => false,
          ),
        patienceMs: leaseMs + 1_000,
      },
    });
    this.heart = new NodeHeart({
      registry,
      clock: process,
      logger: world.loggerOf(node.name),
      node: { ...ref, roles: ['origin'], zone: '', region: '', addresses: { relay: node.address } },
      load: () => idleLoad,
      isDraining: () => this.origin.isDraining,
      owned: () => this.origin.owned(),
      onLost: (lost) => {
        if (world.isTracing) world.trace(`${node.name} yields ${[...lost].join(' ')}`);
        this.origin.yieldStreams(lost);
      },
      limits: { periodMs: heartbeatMs, leaseMs },
    });
    this.jobs = new JobFollower({
      jobs,
      clock: process,
      logger: world.loggerOf(node.name),
      node: ref,
      declared: [],
      maxJobs: 10,
      takesAll: false,
      periodMs: heartbeatMs,
      assigned: (assignment) => {
        this.doing = assignment.jobs;
        if (world.isTracing) world.trace(`${node.name} does ${this.doing.length} jobs`);
      },
    });
    world.relay.listen(node.address, process, this.origin.feed);
    void this.heart.start();
    this.jobs.start();
  }
}
