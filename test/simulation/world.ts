// One simulated cluster: real nodes on a clock that moves only when told to, a network and a store that can be broken,
// publishers and viewers outside. Everything that happens follows from the seed.
import { nextTick } from 'node:process';
import {
  silentLogger,
  streamKey,
  type LogFields,
  type Logger,
  type PullJob,
  type StreamKey,
} from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { ControllerNode } from './controller-node.ts';
import { EdgeNode } from './edge-node.ts';
import { Ledger } from './ledger.ts';
import { SimulatedNetwork } from './network.ts';
import { OriginNode } from './origin-node.ts';
import { SimulatedProcess } from './process.ts';
import { SimulatedPublisher } from './publisher.ts';
import { Random } from './random.ts';
import { SimulatedRedis, store } from './redis.ts';
import { SimulatedRelay } from './relay.ts';
import type { Surroundings } from './surroundings.ts';
import { leaseMs } from './settings.ts';
import { SimulatedViewer } from './viewer.ts';

/** How big a cluster is. */
export interface WorldSize {
  readonly origins: number;
  readonly edges: number;
  readonly controllers: number;
  readonly streams: number;
  readonly jobs: number;
}

/** A node of any role. */
export type SimulatedNode = OriginNode | EdgeNode | ControllerNode;

/** The whole. */
export class World implements Surroundings {
  readonly clock: ManualClock = new ManualClock();
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly relay: SimulatedRelay;
  readonly ledger: Ledger;
  readonly redis: SimulatedRedis;
  readonly origins: readonly OriginNode[];
  readonly edges: readonly EdgeNode[];
  readonly controllers: readonly ControllerNode[];
  readonly streams: readonly StreamKey[];
  /** The rightful publisher of each stream. */
  readonly publishers: readonly SimulatedPublisher[];
  /** For each stream somebody else who wants to publish it. */
  readonly rivals: readonly SimulatedPublisher[];
  readonly viewers: readonly SimulatedViewer[];
  /** The jobs that there are to be. */
  readonly jobs: readonly PullJob[];
  readonly #trace: ((line: string) => void) | undefined;
  #runs = 0;
  #sessions = 0;

  constructor(seed: number, size: WorldSize, trace?: (line: string) => void) {
    const { clock } = this;
    this.#trace = trace;
    this.random = new Random(seed);
    this.network = new SimulatedNetwork(this.random, () => clock.nowMs());
    this.relay = new SimulatedRelay(this.network);
    this.ledger = new Ledger({
      mayExpel: (by, nodeId, incarnation) => this.#mayExpel(by, nodeId, incarnation),
      isServing: (stream, incarnation, credential) => this.#isServing(stream, incarnation, credential),
    });
    this.redis = new SimulatedRedis({
      clock,
      random: this.random,
      network: this.network,
      carriedOut: (call) => {
        this.ledger.carriedOut(call);
      },
    });
    this.origins = named('origin', size.origins).map((name) => new OriginNode(this, name));
    this.edges = named('edge', size.edges).map((name) => new EdgeNode(this, name));
    this.controllers = named('controller', size.controllers).map((name) => new ControllerNode(this, name));
    this.streams = named('s', size.streams).map((name) => streamKey('live', name));
    const loadBalancer = (): OriginNode | undefined => this.#anOrigin();
    const publisher = (stream: StreamKey, token: string): SimulatedPublisher =>
      new SimulatedPublisher(this, { stream, token, loadBalancer });
    // The second of several streams is published without credentials.
    this.publishers = this.streams.map((stream, index) => publisher(stream, index === 1 ? '' : 'rightful'));
    this.rivals = this.streams.map((stream, index) => publisher(stream, index === 1 ? '' : 'rival'));
    this.viewers = this.streams.flatMap((stream) =>
      this.edges.map((edge) => new SimulatedViewer(this, edge, stream)),
    );
    this.jobs = named('job', size.jobs).map((name) => {
      const stream = streamKey('pulled', name);
      return { id: name, kind: 'pull', source: 'rtmp://elsewhere/live/a', stream };
    });
    if (trace !== undefined) {
      this.redis.registry.watch((event) => {
        this.trace(
          `registry: ${event.type} ${'record' in event ? describeRecord(event.record) : event.node.nodeId}`,
        );
      });
    }
  }

  get isTracing(): boolean {
    return this.#trace !== undefined;
  }

  get nodes(): readonly SimulatedNode[] {
    return [...this.origins, ...this.edges, ...this.controllers];
  }

  trace(line: string): void {
    this.#trace?.(`${(this.clock.nowMs() / 1_000).toFixed(3).padStart(7)} ${line}`);
  }

  newProcess(name: string): SimulatedProcess {
    const incarnation = `${name} run ${++this.#runs}`;
    const wallSkewMs = this.random.below(4_000) - 2_000;
    return new SimulatedProcess({ name, incarnation, clock: this.clock, wallSkewMs });
  }

  nextSession(): number {
    return ++this.#sessions;
  }

  loggerOf(name: string): Logger {
    if (this.#trace === undefined) return silentLogger;
    const log = (fields: LogFields, message: string): void => {
      this.trace(`${name}: ${message} ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
    return logger;
  }

  /** Time passes, event by event; whatever one sets off without waiting comes to its end before the next. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        try {
          if (this.ledger.violations.length === 0 && this.clock.runNext(endMs)) queueMicrotask(again);
          else resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error('something else was thrown', { cause: error }));
        }
      };
      // A tick has its turn when no microtask is left.
      const again = (): void => {
        nextTick(turn);
      };
      nextTick(turn);
    });
    this.clock.stall(endMs - this.clock.nowMs());
  }

  /** An origin for a publisher: any but those that refuse connections. */
  #anOrigin(): OriginNode | undefined {
    const offered = this.origins.filter(({ isOffered }) => isOffered);
    return offered.length === 0 ? undefined : this.random.pick(offered);
  }

  #isServing(stream: StreamKey, incarnation: string, credential: string): boolean {
    const node = this.origins.find(({ process }) => process.incarnation === incarnation);
    if (node?.process.state !== 'up' || this.redis.hasBeenDown) return false;
    const goodSinceMs = Math.max(node.process.upSinceMs, this.network.goodSinceMs(store, node.name));
    if (this.clock.nowMs() - goodSinceMs < 2 * leaseMs) return false;
    return [...this.publishers, ...this.rivals].some(
      (publisher) =>
        publisher.stream === stream && publisher.token === credential && publisher.publishesTo === node,
    );
  }

  #mayExpel(by: SimulatedProcess, nodeId: string, incarnation: string): boolean {
    const process = [...this.origins, ...this.edges].find(({ name }) => name === nodeId)?.process;
    if (process?.incarnation !== incarnation || process.state !== 'up') return true;
    const goodSinceMs = Math.max(process.upSinceMs, this.network.goodSinceMs(by.name, nodeId));
    return this.clock.nowMs() - goodSinceMs < leaseMs;
  }
}

function named(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}

function describeRecord(record: {
  stream: string;
  owner: { incarnation: string };
  epoch: number;
  state: string;
}): string {
  return `${record.stream} ${record.state} ${record.owner.incarnation} epoch ${record.epoch}`;
}
