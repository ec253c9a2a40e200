// The origins of a node that is made of several: each in a process of its own, all behind the node's port, and with one limit
// on publishers.
import { randomUUID } from 'node:crypto';
import type { NodeRef } from '@headwater/cluster';
import type { Timer } from '@headwater/contracts';
import type { NodeContext } from '../node-context.ts';
import { Crew, type CrewListener } from '../workers/crew.ts';
import type { NamingQuestions } from '../workers/worker-messages.ts';
import { WorkerProcess, type Newcomer } from '../workers/worker-process.ts';
import { jointDoubts, jointReasons, reluctanceOf, type ServingOrigin } from './joint-readiness.ts';
import { originConfigOf } from './origin-config.ts';
import type { OriginQuestions, OriginSetup, OriginState } from './origin-messages.ts';

/** The process of one origin, as the node sees it. */
export type OriginProcess = WorkerProcess<OriginQuestions, NamingQuestions>;

/** Hears of its processes. */
export interface OriginCrewListener {
  lost(origin: OriginProcess): void;
}

interface Known {
  readonly node: NodeRef;
  state: OriginState;
  /** Publishers of the others that it knows of. */
  toldElsewhere: number;
}

const program = new URL('./origin-main.js', import.meta.url);
// Its publishers notice nothing until they are cut: soon enough for them to be back before viewers are held in vain.
const maxSilentSeconds = 10;
// Publishers that have to be sent away at the deadline are sent away one by one.
const beyondDeadlineMs = 3_000;
const tellMs = 50;
const unknownState: OriginState = { publishers: 0, reasons: [], doubts: [], isDrained: false };

/** The origins. Started and stopped once. */
export class OriginCrew {
  readonly #context: NodeContext;
  readonly #crew: Crew<OriginProcess>;
  readonly #known = new Map<OriginProcess, Known>();
  #draining: Promise<void> | undefined;
  #drainEndsMs: number | undefined;
  #telling: Timer | undefined;
  #settleDrain: (() => void) | undefined;

  constructor(context: NodeContext, size: number, listener: OriginCrewListener) {
    const { clock, logger, metrics, config } = context;
    this.#context = context;
    this.#crew = new Crew<OriginProcess>({
      clock,
      logger,
      metrics,
      size,
      // A peer that waits for an origin waits with what it has to say.
      maxWaitMs: config.limits.handshakeMs,
      hire: (place, crewListener) => this.#hire(place, crewListener),
      began: (origin) => {
        // What it was not there to be told.
        if (this.#drainEndsMs !== undefined) origin.drain(Math.max(0, this.#drainEndsMs - clock.nowMs()));
        this.#tellPlaces();
      },
      lost: (_place, origin) => {
        this.#known.delete(origin);
        listener.lost(origin);
        this.#told();
      },
      // One that another process has taken its name from, for example, takes no publishers.
      rankOf: (origin) => this.#rankOf(origin),
    });
  }

  /** Those that are there, whether they serve yet or not. */
  get members(): readonly OriginProcess[] {
    return this.#crew.members;
  }

  /** Those that serve, the ones that would take publishers first. */
  get ready(): readonly OriginProcess[] {
    return this.#crew.ready.sort((a, b) => this.#rankOf(a) - this.#rankOf(b));
  }

  /** As which nodes the cluster knows them. */
  get nodes(): readonly NodeRef[] {
    return Array.from(this.#known.values(), ({ node }) => node);
  }

  /** As which node the cluster knows it; undefined when it is gone. */
  nodeOf(origin: OriginProcess): NodeRef | undefined {
    return this.#known.get(origin)?.node;
  }

  /** Why publishers should be sent elsewhere; empty while any origin would take them. */
  get reasons(): readonly string[] {
    return jointReasons(this.#serving);
  }

  /** What any of them cannot know at the moment, and which take no part. */
  get doubts(): readonly string[] {
    return jointDoubts(this.#serving, this.#crew.size);
  }

  /** Resolves when all serve. Rejects when one of them cannot; none runs then. */
  async start(): Promise<void> {
    await this.#crew.start();
  }

  /** Hands a connection to the origin that has the fewest. */
  dispatch(newcomer: Newcomer): void {
    this.#crew.dispatch(newcomer);
  }

  /** Has all of them drain; resolves when they have, or are gone. Twice waits for the same end. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining ??= this.#drain(deadlineMs);
    await this.#draining;
  }

  /** Ends all of them. False when one did not end well. */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#telling?.cancel();
    return this.#crew.stop(deadlineMs);
  }

  async #drain(deadlineMs: number): Promise<void> {
    // Who comes back by itself would take publishers again.
    this.#crew.stopReplacing();
    this.#drainEndsMs = this.#context.clock.nowMs() + deadlineMs;
    for (const origin of this.#crew.ready) origin.drain(deadlineMs);
    await new Promise<void>((resolve) => {
      const late = this.#context.clock.after(deadlineMs + beyondDeadlineMs, () => {
        this.#settleDrain?.();
      });
      this.#settleDrain = () => {
        late.cancel();
        resolve();
      };
      this.#told();
    });
  }

  #hire(place: number, listener: CrewListener): OriginProcess {
    const { clock, print, config, version, addresses } = this.#context;
    const own = originConfigOf(config, place);
    const node: NodeRef = { nodeId: own.node.id, incarnation: randomUUID() };
    const { rtmp = '', admin = '' } = addresses.all();
    const setup: OriginSetup = { config: own, node, version, addresses: { rtmp, admin } };
    const origin: OriginProcess = new WorkerProcess<OriginQuestions, NamingQuestions>({
      program,
      maxSilentSeconds,
      setup,
      clock,
      print,
      answers: (naming) => naming,
      listener: {
        ...listener,
        state: (state) => {
          const known = this.#known.get(origin);
          if (known !== undefined) known.state = state;
          this.#told();
        },
      },
    });
    this.#known.set(origin, { node, state: unknownState, toldElsewhere: 0 });
    return origin;
  }

  #told(): void {
    // Many may have something new to tell at once.
    this.#telling ??= this.#context.clock.after(tellMs, () => {
      this.#tellPlaces();
    });
    const isDrained = this.#crew.ready.every((origin) => this.#stateOf(origin).isDrained);
    if (isDrained) this.#settleDrain?.();
  }

  // The limit on publishers is that of the node: each origin knows how many places the others have taken.
  #tellPlaces(): void {
    this.#telling?.cancel();
    this.#telling = undefined;
    const all = [...this.#known.values()].reduce((sum, { state }) => sum + state.publishers, 0);
    for (const [origin, known] of this.#known) {
      const elsewhere = all - known.state.publishers;
      if (!origin.isReady || known.toldElsewhere === elsewhere) continue;
      known.toldElsewhere = elsewhere;
      origin.tellPublishersElsewhere(elsewhere);
    }
  }

  get #serving(): ServingOrigin[] {
    return this.#crew.ready.flatMap((origin) => {
      const known = this.#known.get(origin);
      return known === undefined ? [] : [{ nodeId: known.node.nodeId, state: known.state }];
    });
  }

  #rankOf(origin: OriginProcess): number {
    return reluctanceOf(this.#stateOf(origin));
  }

  #stateOf(origin: OriginProcess): OriginState {
    return this.#known.get(origin)?.state ?? unknownState;
  }
}
