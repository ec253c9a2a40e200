// The network between the parties. A direction between two of them can be cut, slow or lossy. What a message does then is
// up to who sends it: a call is answered never or late, a connection keeps its order and stalls, or breaks.
import type { Random } from './random.ts';

/** How one direction between two parties is. */
interface Way {
  isCut: boolean;
  slowMs: number;
  loss: number;
  /** When it was last cut, slow or lossy; infinity while it is. */
  badUntilMs: number;
}

/** What can be done to a way. */
export type WayChange = Partial<Pick<Way, 'isCut' | 'slowMs' | 'loss'>>;

/** Ways between all parties, by name. */
export class SimulatedNetwork {
  readonly #random: Random;
  readonly #nowMs: () => number;
  readonly #ways = new Map<string, Map<string, Way>>();
  readonly #cutListeners = new Set<(a: string, b: string) => void>();
  readonly #healListeners = new Set<() => void>();

  constructor(random: Random, nowMs: () => number) {
    this.#random = random;
    this.#nowMs = nowMs;
  }

  /** How long a message takes. */
  delayMs(from: string, to: string): number {
    const slowMs = this.#ways.get(from)?.get(to)?.slowMs ?? 0;
    const usualMs = 1 + 3 * this.#random.next();
    return slowMs === 0 ? usualMs : usualMs + slowMs * this.#random.next();
  }

  isCut(from: string, to: string): boolean {
    return this.#ways.get(from)?.get(to)?.isCut ?? false;
  }

  /** Whether the message that is sent now is lost, because of a cut or by bad luck. */
  loses(from: string, to: string): boolean {
    const way = this.#ways.get(from)?.get(to);
    if (way === undefined) return false;
    return way.isCut || (way.loss > 0 && this.#random.chance(way.loss));
  }

  /** Since when messages have gone to and fro without trouble; infinity when they do not now. */
  goodSinceMs(a: string, b: string): number {
    const there = this.#ways.get(a)?.get(b)?.badUntilMs ?? 0;
    const back = this.#ways.get(b)?.get(a)?.badUntilMs ?? 0;
    return Math.max(there, back);
  }

  change(from: string, to: string, change: WayChange): void {
    const way = this.#way(from, to);
    const wasCut = way.isCut;
    Object.assign(way, change);
    const isBad = way.isCut || way.slowMs > 0 || way.loss > 0;
    if (isBad) way.badUntilMs = Number.POSITIVE_INFINITY;
    else if (way.badUntilMs === Number.POSITIVE_INFINITY) way.badUntilMs = this.#nowMs();
    if (way.isCut && !wasCut) for (const cut of this.#cutListeners) cut(from, to);
    if (!way.isCut && wasCut) for (const healed of this.#healListeners) healed();
  }

  healAll(): void {
    for (const [from, ways] of this.#ways) {
      for (const to of ways.keys()) this.change(from, to, { isCut: false, slowMs: 0, loss: 0 });
    }
  }

  onCut(listener: (from: string, to: string) => void): void {
    this.#cutListeners.add(listener);
  }

  onHeal(listener: () => void): void {
    this.#healListeners.add(listener);
  }

  #way(from: string, to: string): Way {
    let ways = this.#ways.get(from);
    if (ways === undefined) this.#ways.set(from, (ways = new Map<string, Way>()));
    let way = ways.get(to);
    if (way === undefined) ways.set(to, (way = { isCut: false, slowMs: 0, loss: 0, badUntilMs: 0 }));
    return way;
  }
}
