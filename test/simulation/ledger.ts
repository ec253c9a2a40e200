// What has been seen of ownership, by an observer whom no fault touches; and what must never be seen.
import type { ClaimRequest, ClaimResult, ExpelRequest, NodeRef } from '@headwater/cluster';
import type { StreamKey } from '@headwater/contracts';
import type { SimulatedProcess } from './process.ts';
import type { CarriedOut } from './redis.ts';

/** A message of a publish session that an origin took into an epoch. */
export interface Taken {
  readonly stream: StreamKey;
  readonly epoch: number;
  readonly session: number;
  readonly index: number;
  readonly by: SimulatedProcess;
}

/** A claim that was granted. */
interface Granted {
  readonly epoch: number;
  /** The run of the node that it was granted to. */
  readonly to: string;
  readonly credential: string | undefined;
}

const fencedWrites: ReadonlySet<string> = new Set(['expel', 'setStandby', 'endOrphan', 'assign']);

/** What the observer knows beyond the calls. */
export interface LedgerKnowledge {
  /** Whether a controller may hold that run of that node for dead. */
  mayExpel(by: SimulatedProcess, nodeId: string, incarnation: string): boolean;
  /** Whether that run of a node serves a publisher with that credential, and nothing has been in its way. */
  isServing(stream: StreamKey, incarnation: string, credential: string): boolean;
}

/** Keeps account of epochs. Throws nothing: what is wrong is in `violations`. */
export class Ledger {
  readonly violations: string[] = [];
  hasStoreLostData = false;
  /** For each session the first message of each epoch that it was taken into, in order. */
  readonly #sessions = new Map<number, Taken[]>();
  readonly #acting = new Map<string, Taken>();
  readonly #granted = new Map<StreamKey, Granted>();
  /** When each run of a node beat last. */
  readonly #beatMs = new Map<string, number>();
  /** The highest token of a leader that has written. */
  #token = 0;
  readonly #knowledge: LedgerKnowledge;

  constructor(knowledge: LedgerKnowledge) {
    this.#knowledge = knowledge;
  }

  violated(what: string): void {
    this.violations.push(what);
  }

  /** The epoch and stream of a message; undefined when no origin has taken it. */
  taken(session: number, index: number): Taken | undefined {
    return this.#sessions.get(session)?.findLast((taken) => taken.index <= index);
  }

  /** An origin takes a message into an epoch. */
  take(taken: Taken): void {
    const { stream, epoch, session, by } = taken;
    const known = this.#sessions.get(session);
    if (known?.at(-1)?.epoch === epoch) return;
    if (known === undefined) this.#sessions.set(session, [taken]);
    else known.push(taken);
    const key = `${stream} ${epoch}`;
    const other = this.#acting.get(key);
    if (other !== undefined) {
      this.violated(`${by.name} acts in epoch ${epoch} of ${stream} that ${other.by.name} acts in`);
    }
    this.#acting.set(key, taken);
  }

  /** The store has carried out a call. */
  carriedOut({ by, method, args, result }: CarriedOut): void {
    if (method === 'claim') this.#claimed(args[0] as ClaimRequest, result as ClaimResult);
    else if (method === 'release' && result === true) {
      this.#released(...(args as [StreamKey, NodeRef, number]));
    } else if (method === 'heartbeat') {
      this.#beatMs.set(by.incarnation, by.nowMs());
    } else if (method === 'fence' && result === true) {
      this.#wrote(by, args[0] as number);
    } else if (fencedWrites.has(method) && result === 'applied') {
      this.#wrote(by, (args[0] as { readonly token: number }).token);
      if (method === 'expel') this.#expelled(by, args[0] as ExpelRequest);
    }
  }

  #wrote(by: SimulatedProcess, token: number): void {
    if (token < this.#token && !this.hasStoreLostData) {
      this.violated(`${by.name} wrote as leader ${token} after leader ${this.#token}`);
    }
    this.#token = Math.max(this.#token, token);
  }

  #claimed({ servedEpoch, credential }: ClaimRequest, result: ClaimResult): void {
    if (result.outcome !== 'claimed') return;
    // What is served already is granted as it is by a registry that has lost what it granted before.
    if (this.hasStoreLostData && result.record.epoch === servedEpoch) return;
    const { stream, epoch, owner } = result.record;
    const highest = this.#granted.get(stream);
    this.#checkTakeover(stream, credential);
    if (highest === undefined || epoch > highest.epoch) {
      this.#granted.set(stream, { epoch, to: owner.incarnation, credential });
    } else if (epoch < highest.epoch || highest.to !== owner.incarnation) {
      this.violated(`${owner.nodeId} was granted epoch ${epoch} of ${stream} after epoch ${highest.epoch}`);
    }
  }

  #checkTakeover(stream: StreamKey, credential: string | undefined): void {
    const last = this.#granted.get(stream);
    if (last?.credential === undefined || last.credential === credential || this.hasStoreLostData) return;
    if (this.#knowledge.isServing(stream, last.to, last.credential)) {
      this.violated(`${stream} was taken from ${last.to}, which serves it, by somebody else`);
    }
  }

  #released(stream: StreamKey, { incarnation }: NodeRef, epoch: number): void {
    const last = this.#granted.get(stream);
    if (last === undefined || this.hasStoreLostData) return;
    if (last.epoch === epoch && last.to === incarnation) return;
    this.violated(
      `${incarnation} released epoch ${epoch} of ${stream}, of which ${last.to} has epoch ${last.epoch}`,
    );
  }

  #expelled(by: SimulatedProcess, { node, silentMs }: ExpelRequest): void {
    const { nodeId, incarnation } = node;
    if (!this.#knowledge.mayExpel(by, nodeId, incarnation)) {
      this.violated(`${by.name} expelled ${nodeId}, which lives and can be reached`);
    }
    const beatMs = this.#beatMs.get(incarnation);
    if (beatMs === undefined || this.hasStoreLostData) return;
    if (by.nowMs() - beatMs < silentMs) {
      this.violated(`${by.name} expelled ${nodeId}, which has beaten since`);
    }
  }
}
