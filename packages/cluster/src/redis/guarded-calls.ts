// Every command of the registry goes through here: bounded in time and number, and not at all while the circuit is open.
import { AppError, type Clock, type Logger } from '@headwater/contracts';
import type { Redis } from 'ioredis';
import { LogGate } from '../discovery/log-gate.ts';
import { CircuitBreaker, type BreakerState } from './circuit-breaker.ts';
import { withDeadline } from './deadline.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisOutage } from './redis-outage.ts';

/** Limits of the calls. */
export interface GuardedCallLimits {
  /** How long one call may take, waiting for a connection included. */
  readonly commandMs: number;
  /** So many calls may be under way. */
  readonly maxPending: number;
  /** So many failures in a row open the circuit. */
  readonly failureLimit: number;
  /** How long the circuit stays open before one call tries. */
  readonly restMs: number;
}

/** Defaults of the limits. */
export const defaultGuardedCallLimits: GuardedCallLimits = {
  commandMs: 500,
  maxPending: 10_000,
  failureLimit: 3,
  restMs: 1_000,
};

// The server answers, but it is the wrong one, or not one any more.
const wrongServer = /^(READONLY|MOVED|ASK|MASTERDOWN|CLUSTERDOWN|UNBLOCKED)\b|READONLY You can't write/;
// It is the right one, and cannot work at the moment.
const unableServer = /^(LOADING|BUSY|TRYAGAIN|NOREPLICAS|OOM|MISCONF|NOAUTH|NOPERM|WRONGPASS)\b/;

/** Makes calls over a link. Rejects only with `AppError`. */
export class GuardedCalls {
  readonly #clock: Clock;
  readonly #link: RedisLink;
  readonly #limits: GuardedCallLimits;
  readonly #outage: RedisOutage;
  readonly #logger: Logger;
  readonly #refusals: LogGate;
  readonly #breaker: CircuitBreaker;
  #pending = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly link: RedisLink;
    readonly limits: GuardedCallLimits;
    readonly outage: RedisOutage;
  }) {
    const { clock, logger, link, limits, outage } = options;
    this.#outage = outage;
    this.#logger = logger;
    this.#refusals = new LogGate(clock, 10_000);
    this.#clock = clock;
    this.#link = link;
    this.#limits = limits;
    this.#breaker = new CircuitBreaker({
      clock,
      failureLimit: limits.failureLimit,
      restMs: limits.restMs,
      changed: (state) => {
        logger.debug({ state }, 'registry circuit changed');
        if (state === 'open') link.dropAny(new Error('redis does not answer'));
      },
    });
  }

  get state(): BreakerState {
    return this.#breaker.state;
  }

  /** A connection has come: no need to rest any longer. */
  connected(): void {
    this.#breaker.endRest();
  }

  async call<T>(make: (client: Redis) => Promise<T>): Promise<T> {
    const { commandMs, maxPending } = this.#limits;
    if (this.#link.state === 'closed') throw unavailable('registry is closed');
    if (this.#pending >= maxPending) throw unavailable('too many calls are under way');
    if (!this.#breaker.admit()) throw unavailable('circuit is open');
    this.#pending++;
    try {
      const result = await this.#make(make, this.#clock.nowMs() + commandMs);
      this.#succeeded();
      return result;
    } catch (caught) {
      if (isAnswer(caught)) {
        this.#succeeded();
        this.#refused(caught);
      } else {
        this.#outage.failed('commands', caught);
        this.#breaker.failed();
      }
      throw caught instanceof AppError ? caught : unavailable(reasonOf(caught), caught);
    } finally {
      this.#pending--;
    }
  }

  #succeeded(): void {
    this.#breaker.succeeded();
    this.#outage.succeeded('commands');
  }

  #refused(err: unknown): void {
    const heldBack = this.#refusals.pass();
    if (heldBack !== undefined) this.#logger.warn({ err, heldBack }, 'redis refused a command');
  }

  async #make<T>(make: (client: Redis) => Promise<T>, deadlineMs: number): Promise<T> {
    const client = await this.#link.ready(this.#limits.commandMs);
    const leftMs = Math.max(1, deadlineMs - this.#clock.nowMs());
    try {
      return await withDeadline(this.#clock, leftMs, make(client));
    } catch (caught) {
      if (caught instanceof Error && wrongServer.test(caught.message)) this.#link.drop(client, caught);
      throw caught;
    }
  }
}

/** True when the server said no to this one call, rather than being unable to work. */
function isAnswer(caught: unknown): boolean {
  if (!(caught instanceof Error) || caught.name !== 'ReplyError') return false;
  return !wrongServer.test(caught.message) && !unableServer.test(caught.message);
}

function reasonOf(caught: unknown): string {
  return caught instanceof Error ? caught.message.slice(0, 200) : 'unknown';
}

function unavailable(why: string, cause?: unknown): AppError {
  return new AppError('registry_unavailable', {
    details: { why },
    ...(cause === undefined ? {} : { cause }),
  });
}
