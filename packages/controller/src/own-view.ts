// Whether this controller may judge others. Whoever was blind sees everybody silent at first: after each outage of its
// own view, be it the registry that was away or the process that stood still, a full lease must pass, in which
// everybody who lives has beaten.

/** Why nobody is judged now. */
export type Blindness = 'starting' | 'registry_away' | 'registry_forgot' | 'stood_still';

/** Times of a view. */
export interface OwnViewLimits {
  /** How often `ticked` is called. */
  readonly tickMs: number;
  /** A tick later than this by more means that the process stood still or was overloaded. */
  readonly stallMs: number;
  /** The lease of nodes. */
  readonly leaseMs: number;
}

/** Keeps account of the outages of one controller's own view. All times are of its monotonic clock. */
export class OwnView {
  readonly #limits: OwnViewLimits;
  #cause: Blindness = 'starting';
  #isOut = true;
  /** When the last outage ended. */
  #clearMs = 0;
  #tickedMs: number | undefined;

  constructor(limits: OwnViewLimits) {
    this.#limits = limits;
  }

  /** When the last outage ended: what was begun before is worth nothing. */
  get clearMs(): number {
    return this.#clearMs;
  }

  /** Why nobody may be judged; undefined when the view is good. */
  blindness(nowMs: number): Blindness | undefined {
    return this.#isOut || nowMs - this.#clearMs < this.#limits.leaseMs ? this.#cause : undefined;
  }

  /** The event loop came round. True when it had stood still. */
  ticked(nowMs: number): boolean {
    const lateMs = this.#tickedMs === undefined ? 0 : nowMs - this.#tickedMs - this.#limits.tickMs;
    this.#tickedMs = nowMs;
    if (lateMs <= this.#limits.stallMs) return false;
    if (!this.#isOut) this.#cause = 'stood_still';
    this.#clearMs = nowMs;
    return true;
  }

  /** The registry answered. True when that ends an outage. */
  answered(nowMs: number): boolean {
    if (!this.#isOut) return false;
    this.#isOut = false;
    this.#clearMs = nowMs;
    return true;
  }

  /** The registry did not answer, or has lost its memory. */
  failed(cause: 'registry_away' | 'registry_forgot'): void {
    this.#isOut = true;
    this.#cause = cause;
  }
}
