// Keeps calls away from a server that does not answer: after some failures in a row it opens, and everything fails at
// once; after a rest one call tries, and its outcome decides.
import type { Clock } from '@headwater/contracts';

/** `closed`: calls pass. `open`: none does. `half_open`: one passes, as a probe. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/** What moves a breaker. */
export type BreakerEvent = 'failed_too_often' | 'rested' | 'probe_succeeded' | 'probe_failed';

/** Which event leads where; what is absent changes nothing. */
export const breakerTransitions: Readonly<
  Record<BreakerState, Readonly<Partial<Record<BreakerEvent, BreakerState>>>>
> = {
  closed: { failed_too_often: 'open' },
  open: { rested: 'half_open' },
  half_open: { probe_succeeded: 'closed', probe_failed: 'open' },
};

/** What a breaker is made of. */
export interface CircuitBreakerOptions {
  readonly clock: Clock;
  /** So many failures in a row open it. */
  readonly failureLimit: number;
  readonly restMs: number;
  /** Called on each change. */
  readonly changed: (state: BreakerState) => void;
}

/** A circuit breaker. Whoever is admitted reports back by `succeeded` or `failed`, once. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #state: BreakerState = 'closed';
  #failures = 0;
  #openedMs = 0;
  #isProbing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** True when a call may be made now. */
  admit(): boolean {
    const { clock, restMs } = this.#options;
    if (this.#state === 'open' && clock.nowMs() - this.#openedMs >= restMs) this.#move('rested');
    if (this.#state === 'closed') return true;
    if (this.#state === 'open' || this.#isProbing) return false;
    this.#isProbing = true;
    return true;
  }

  /** The rest is over: there is a reason to think that the server is back. */
  endRest(): void {
    this.#move('rested');
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isProbing = false;
    this.#move('probe_succeeded');
  }

  failed(): void {
    this.#failures++;
    this.#isProbing = false;
    if (this.#failures >= this.#options.failureLimit) this.#move('failed_too_often');
    this.#move('probe_failed');
  }

  #move(event: BreakerEvent): void {
    const next = breakerTransitions[this.#state][event];
    if (next === undefined) return;
    this.#state = next;
    if (next === 'open') this.#openedMs = this.#options.clock.nowMs();
    this.#options.changed(next);
  }
}
