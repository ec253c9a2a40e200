// What has been seen of ownership, by an observer whom no fault touches; and what must never be seen.
import type { ClaimRequest, ClaimResult, ExpelRequest, FencedOutcome } from '@headwater/cluster';
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

/** Keeps account of epochs. Throws nothing: what is wrong is in `violations`. */
export class Ledger {
  readonly violations: string[] = [];
  hasStoreLostData = false;
  /** For each session the first message of each epoch that it was taken into, in order. */
  readonly #sessions = new Map<number, Taken[]>();
  readonly #acting = new Map<string, Taken>();
  readonly #granted = new Map<StreamKey, { readonly epoch: number; readonly to: string }>();
  readonly #mayExpel: (by: SimulatedProcess, nodeId: string, incarnation: string) => boolean;

  /** `mayExpel` says whether a controller may hold that run of that node for dead. */
  constructor(mayExpel: (by: SimulatedProcess, nodeId: string, incarnation: string) => boolean) {
    this.#mayExpel = mayExpel;
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
    if (method === 'expel') this.#expelled(by, args[0] as ExpelRequest, result as FencedOutcome);
  }

  #claimed({ servedEpoch }: ClaimRequest, result: ClaimResult): void {
    if (result.outcome !== 'claimed') return;
    // What is served already is granted as it is by a registry that has lost what it granted before.
    if (this.hasStoreLostData && result.record.epoch === servedEpoch) return;
    const { stream, epoch, owner } = result.record;
    const highest = this.#granted.get(stream);
    if (highest === undefined || epoch > highest.epoch) {
      this.#granted.set(stream, { epoch, to: owner.incarnation });
    } else if (epoch < highest.epoch || highest.to !== owner.incarnation) {
      this.violated(`${owner.nodeId} was granted epoch ${epoch} of ${stream} after epoch ${highest.epoch}`);
    }
  }

  #expelled(by: SimulatedProcess, { node }: ExpelRequest, outcome: FencedOutcome): void {
    if (outcome !== 'applied' || this.#mayExpel(by, node.nodeId, node.incarnation)) return;
    this.violated(`${by.name} expelled ${node.nodeId}, which lives and can be reached`);
  }
}
