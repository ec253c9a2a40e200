// One origin of a node that is made of several: a node of its own to all others, but for its ports for publishers and operators.
import { BoundAddresses } from '../bound-addresses.ts';
import { failureOf } from '../cli/failure.ts';
import { accessPolicyOf } from '../access/access-policy-of.ts';
import { ConnectionGate } from '../connection-gate.ts';
import { exitCode } from '../exit-code.ts';
import type { NodeContext, NodeParts } from '../node-context.ts';
import { Node } from '../node.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { nodeParts } from '../roles/node-parts.ts';
import { SystemClock } from '../system-clock.ts';
import { WorkerLink } from '../workers/worker-link.ts';
import type { WorkerProgram } from '../workers/worker-program.ts';
import { HandedRtmp } from './handed-rtmp.ts';
import type { OriginQuestions, OriginSetup, OriginState } from './origin-messages.ts';

// What others are told of an origin is told anew when its publishers have become more or fewer, and else this often.
const lookMs = 100;
const looksEachState = 5;

/** The origin, from its setup to its end. */
export class OriginNode {
  readonly #program: WorkerProgram;
  readonly #context: NodeContext;
  readonly #link: WorkerLink<OriginQuestions>;
  readonly #rtmp: HandedRtmp;
  readonly #parts: NodeParts;
  readonly #node: Node;
  readonly #publishers: () => number;
  #publishersElsewhere = 0;
  #isDrained = false;
  #looks = 0;
  #toldPublishers = 0;

  constructor(setup: OriginSetup, program: WorkerProgram) {
    this.#program = program;
    this.#context = this.#makeContext(setup);
    let publishers = (): number => 0;
    let handed: HandedRtmp | undefined;
    this.#parts = nodeParts(this.#context, (context, parts) => {
      publishers = () => parts.origin?.publishers ?? 0;
      handed = new HandedRtmp(context, parts);
      return handed;
    });
    if (handed === undefined) throw new Error('an origin serves RTMP');
    this.#rtmp = handed;
    this.#publishers = publishers;
    this.#node = new Node(this.#context, this.#parts, { hasAdmin: false });
    this.#link = this.#makeLink();
  }

  /** Serves, or tells why it cannot, and ends then. */
  async start(): Promise<void> {
    try {
      await this.#node.start();
    } catch (error) {
      const failure = failureOf(error);
      this.#link.send({ type: 'failed', ...failure }, () => void this.#program.end(failure.exitCode));
      return;
    }
    this.#tellState();
    this.#link.send({ type: 'ready' });
    this.#context.clock.every(lookMs, () => {
      this.#looks++;
      if (this.#looks >= looksEachState || this.#publishers() !== this.#toldPublishers) this.#tellState();
    });
  }

  #makeContext({ config, node, version, addresses }: OriginSetup): NodeContext {
    const { log } = this.#program;
    const clock = new SystemClock();
    const metrics = new PrometheusMetrics();
    metrics.measureProcess();
    metrics.measureEventLoop(clock);
    const bound = new BoundAddresses();
    bound.set('rtmp', addresses.rtmp);
    bound.set('admin', addresses.admin);
    return {
      config,
      roles: ['origin'],
      node,
      version,
      startedAtMs: clock.wallMs(),
      clock,
      logger: log,
      metrics,
      access: accessPolicyOf(config.access),
      // Connections that come here were let in by the node that has the port.
      gate: new ConnectionGate(config.limits, clock),
      print: (text) => log.print(text),
      addresses: bound,
      publishersElsewhere: () => this.#publishersElsewhere,
    };
  }

  #makeLink(): WorkerLink<OriginQuestions> {
    const { view } = this.#parts;
    return new WorkerLink<OriginQuestions>(this.#context.clock, {
      answers: {
        sessions: () => view.sessions(),
        streams: () => view.streams(),
        nodes: async () => view.nodes(),
        metrics: async () => this.#context.metrics.values(),
        kick: (sessionId) => view.kick(sessionId),
        jobs: async () => view.jobs.list(),
        addJob: async (job) => view.jobs.add(job),
        removeJob: async (jobId) => view.jobs.remove(jobId),
      },
      serve: (_port, socket, name) => {
        this.#rtmp.take(socket, name);
      },
      drain: (deadlineMs) => void this.#drain(deadlineMs),
      publishersElsewhere: (publishers) => {
        this.#publishersElsewhere = publishers;
      },
      stop: (deadlineMs) => void this.#stop(deadlineMs),
    });
  }

  async #drain(deadlineMs: number): Promise<void> {
    await this.#node.drain(deadlineMs);
    this.#isDrained = true;
    this.#tellState();
  }

  async #stop(deadlineMs: number): Promise<void> {
    const isClean = await this.#node.stop(deadlineMs);
    await this.#program.end(isClean ? exitCode.ok : exitCode.fault);
  }

  #tellState(): void {
    this.#looks = 0;
    this.#toldPublishers = this.#publishers();
    const { reasons, doubts = [] } = this.#node.readiness();
    const state: OriginState = {
      publishers: this.#toldPublishers,
      reasons,
      doubts,
      isDrained: this.#isDrained,
    };
    this.#link.send({ type: 'state', state });
  }
}
