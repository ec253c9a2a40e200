// A cluster without sockets: nodes that beat, crash, freeze and are cut off, controllers that can be stopped in mid-flight
// or cut from the registry, all on one clock that moves only when told to.
import {
  MemoryLeaderLease,
  MemoryStreamRegistry,
  MemoryUpstreamReports,
  type FailoverRegistry,
  type LeaderLease,
  type NodeRecord,
  type OwnedStream,
  type RegistryEvent,
  type StreamRecord,
  type StreamRegistry,
} from '@headwater/cluster';
import { ownedStream, testBeat, testClaim, testNode } from '@headwater/cluster/testing';
import {
  AppError,
  silentLogger,
  silentMetrics,
  type Clock,
  type LogFields,
  type Logger,
  type StreamKey,
  type Timer,
} from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { Controller, type ControllerOptions, type ControllerRegistry } from '../controller.ts';
import type { EndedProbe, ProbeOutcome } from '../node-health.ts';

/** How a simulated process is: `frozen` keeps its port open and does nothing. */
export type Condition = 'up' | 'frozen' | 'crashed';

/** A write of a controller that the registry applied. */
export interface AppliedWrite {
  readonly controller: string;
  readonly token: number;
  readonly what: string;
  readonly nodeId: string | undefined;
  readonly atMs: number;
}

/** One origin of the simulation. */
export class SimulatedNode {
  readonly record: NodeRecord;
  readonly owned: Map<StreamKey, OwnedStream> = new Map<StreamKey, OwnedStream>();
  condition: Condition = 'up';
  isCutFromRegistry = false;
  isCutFromControllers = false;
  /** Since when a probe would have been answered all the time; infinity when it would not be now. */
  answersSinceMs = 0;

  constructor(nodeId: string) {
    this.record = testNode(nodeId, { incarnation: `${nodeId} run 1`, addresses: { relay: `${nodeId}:1` } });
  }

  get isAnswering(): boolean {
    return this.condition === 'up' && !this.isCutFromControllers;
  }
}

/** One controller of the simulation, with what can be done to it. */
export class SimulatedController {
  readonly controller: Controller;
  readonly log: { readonly message: string; readonly fields: LogFields }[] = [];
  readonly probed: Map<string, EndedProbe> = new Map<string, EndedProbe>();
  /** Its calls to the registry fail. */
  isCutFromRegistry = false;
  #resume: (() => void) | undefined;
  #resumed: Promise<void> | undefined;

  constructor(make: (controller: SimulatedController) => Controller) {
    this.controller = make(this);
  }

  get isPaused(): boolean {
    return this.#resumed !== undefined;
  }

  /** Resolves at once, or when it runs again. */
  async running(): Promise<void> {
    while (this.#resumed !== undefined) await this.#resumed;
  }

  /** The process stands still: no timer fires, no answer arrives. */
  pause(): void {
    this.#resumed ??= new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#resumed = undefined;
    this.#resume?.();
  }

  /** What it held for dead, in order. */
  get verdicts(): string[] {
    return this.log
      .filter(({ message }) => message === 'node is dead')
      .map(({ fields }) => String(fields['node']));
  }
}

/** The whole. */
export class SimulatedCluster {
  readonly clock: ManualClock = new ManualClock();
  readonly registry: MemoryStreamRegistry = new MemoryStreamRegistry({ clock: this.clock });
  readonly lease: MemoryLeaderLease = new MemoryLeaderLease({ clock: this.clock });
  readonly reports: MemoryUpstreamReports = new MemoryUpstreamReports();
  readonly nodes: SimulatedNode[] = [];
  readonly controllers: SimulatedController[] = [];
  readonly events: RegistryEvent[] = [];
  readonly applied: AppliedWrite[] = [];
  /** The registry answers nobody. */
  isRegistryDown = false;
  /** Called when a controller says that a node is dead. */
  onVerdict: (controller: SimulatedController, nodeId: string) => void = () => undefined;

  constructor() {
    this.registry.watch((event) => this.events.push(event));
  }

  /** An origin that joins at once, and beats each second from `offsetMs` on. */
  async addNode(nodeId: string, offsetMs = 0): Promise<SimulatedNode> {
    const node = new SimulatedNode(nodeId);
    this.nodes.push(node);
    await this.registry.join(node.record);
    this.clock.after(offsetMs, () => {
      this.clock.every(1_000, () => void this.#beat(node));
    });
    return node;
  }

  addController(nodeId: string, changes: Partial<ControllerOptions> = {}): SimulatedController {
    const simulated = new SimulatedController((self) => {
      const log = (fields: LogFields, message: string): void => {
        self.log.push({ fields, message });
        if (message === 'node is dead') this.onVerdict(self, String(fields['node']));
      };
      const logger: Logger = { ...silentLogger, info: log, warn: log, error: log };
      const clock = pausable(this.clock, self);
      return new Controller({
        node: { nodeId, incarnation: `${nodeId} run 1` },
        registry: this.#registryOf(self, nodeId),
        lease: this.#leaseOf(self),
        reports: this.reports,
        prober: { probe: async ({ nodeId: probed }) => this.#probe(self, probed) },
        clock,
        logger,
        metrics: silentMetrics,
        ...changes,
      });
    });
    this.controllers.push(simulated);
    simulated.controller.start();
    return simulated;
  }

  node(nodeId: string): SimulatedNode {
    const found = this.nodes.find(({ record }) => record.nodeId === nodeId);
    if (found === undefined) throw new Error(`no node ${nodeId}`);
    return found;
  }

  /** The controllers that lead, by what they themselves believe. */
  get leaders(): SimulatedController[] {
    return this.controllers.filter(({ controller }) => controller.state.leadership === 'leading');
  }

  set(
    node: SimulatedNode,
    changes: Partial<Pick<SimulatedNode, 'condition' | 'isCutFromRegistry' | 'isCutFromControllers'>>,
  ): void {
    const wasAnswering = node.isAnswering;
    Object.assign(node, changes);
    if (!node.isAnswering) node.answersSinceMs = Number.POSITIVE_INFINITY;
    else if (!wasAnswering) node.answersSinceMs = this.clock.nowMs();
  }

  /** A publisher arrives at a node. */
  async publish(
    node: SimulatedNode,
    stream: StreamKey,
    credential?: string,
  ): Promise<StreamRecord | undefined> {
    if (node.condition !== 'up' || node.isCutFromRegistry || this.isRegistryDown) return undefined;
    const changes = {
      stream,
      relayAddress: `${node.record.nodeId}:1`,
      ...(credential === undefined ? {} : { credential }),
    };
    try {
      const result = await this.registry.claim(testClaim(node.record, changes));
      if (result.outcome === 'refused') return undefined;
      node.owned.set(stream, ownedStream(result.record));
      return result.record;
    } catch (caught) {
      if (caught instanceof AppError && caught.code === 'registry_unavailable') return undefined;
      throw caught;
    }
  }

  /** Every edge loses what it pulled from a node. */
  async report(node: SimulatedNode): Promise<void> {
    const { nodeId, incarnation } = node.record;
    await this.reports.report({ node: { nodeId, incarnation }, loss: 'broken', reporter: 'e1' });
    await settle();
  }

  async pass(ms: number, stepMs = 50): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await settle();
    }
  }

  async close(): Promise<void> {
    for (const controller of this.controllers) controller.resume();
    const stopped = Promise.all(this.controllers.map(async ({ controller }) => controller.stop()));
    await this.pass(3_000);
    await stopped;
    await this.registry.close();
  }

  async #beat(node: SimulatedNode): Promise<void> {
    if (node.condition !== 'up' || node.isCutFromRegistry || this.isRegistryDown) return;
    const beat = testBeat(node.record, node.owned);
    let result = await this.registry.heartbeat(beat);
    if (result.outcome === 'unknown_node') {
      await this.registry.join(node.record);
      result = await this.registry.heartbeat(beat);
    }
    if (result.outcome === 'renewed') for (const stream of result.lost) node.owned.delete(stream);
  }

  async #probe(by: SimulatedController, nodeId: string): Promise<EndedProbe> {
    const startedMs = this.clock.nowMs();
    const outcome = await this.#askNode(this.node(nodeId));
    await by.running();
    const probe = { outcome, startedMs, endedMs: this.clock.nowMs() };
    by.probed.set(nodeId, probe);
    return probe;
  }

  async #askNode(node: SimulatedNode): Promise<ProbeOutcome> {
    await Promise.resolve();
    if (node.isAnswering) return 'answered';
    if (node.condition === 'crashed' && !node.isCutFromControllers) return 'refused';
    await new Promise<void>((resolve) => this.clock.after(1_000, resolve));
    return 'silent';
  }

  #registryOf(by: SimulatedController, name: string): ControllerRegistry {
    const within: StreamRegistry & FailoverRegistry = this.registry;
    const call = async <T>(make: () => Promise<T>): Promise<T> => this.#call(by, make);
    const write = async <T>(
      token: number,
      what: string,
      nodeId: string | undefined,
      make: () => Promise<T>,
    ): Promise<T> =>
      call(async () => {
        const outcome = await make();
        if (outcome === 'applied') {
          this.applied.push({ controller: name, token, what, nodeId, atMs: this.clock.nowMs() });
        }
        return outcome;
      });
    return {
      streams: async () => call(async () => within.streams()),
      sightings: async () => call(async () => within.sightings()),
      fence: async (token) => call(async () => within.fence(token)),
      expel: async (request) =>
        write(request.token, 'expel', request.node.nodeId, async () => within.expel(request)),
      setStandby: async (request) =>
        write(request.token, 'standby', undefined, async () => within.setStandby(request)),
      endOrphan: async (request) =>
        write(request.token, 'end', undefined, async () => within.endOrphan(request)),
      watch: (listener) =>
        within.watch((event) => {
          if (!by.isCutFromRegistry && !this.isRegistryDown && !by.isPaused) listener(event);
        }),
    };
  }

  #leaseOf(by: SimulatedController): LeaderLease {
    const { lease } = this;
    return {
      leaseMs: lease.leaseMs,
      claim: async (holder) => this.#call(by, async () => lease.claim(holder)),
      renew: async (holder, token) => this.#call(by, async () => lease.renew(holder, token)),
      release: async (holder, token) => this.#call(by, async () => lease.release(holder, token)),
      current: async () => this.#call(by, async () => lease.current()),
      close: async () => Promise.resolve(),
    };
  }

  /** A call on its way: made unless the registry is away by then, and answered when the caller runs. */
  async #call<T>(by: SimulatedController, make: () => Promise<T>): Promise<T> {
    await Promise.resolve();
    if (by.isCutFromRegistry || this.isRegistryDown) throw new AppError('registry_unavailable');
    const result = await make();
    await by.running();
    return result;
  }
}

/** Lets promises settle that wait for nothing but each other. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve();
}

/** The clock as a process has it that can be stopped: what falls due meanwhile runs late, and once. */
function pausable(clock: ManualClock, process: SimulatedController): Clock {
  const gated = (run: () => void): (() => void) => {
    let isWaiting = false;
    return () => {
      if (!process.isPaused) {
        run();
      } else if (!isWaiting) {
        isWaiting = true;
        void process.running().then(() => {
          isWaiting = false;
          run();
        });
      }
    };
  };
  const cancellable = (set: (run: () => void) => Timer, run: () => void): Timer => {
    let isCancelled = false;
    const timer = set(
      gated(() => {
        if (!isCancelled) run();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  };
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after: (delayMs, run) => cancellable((gatedRun) => clock.after(delayMs, gatedRun), run),
    every: (periodMs, run) => cancellable((gatedRun) => clock.every(periodMs, gatedRun), run),
  };
}
