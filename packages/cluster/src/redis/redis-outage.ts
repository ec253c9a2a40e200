// Says that Redis cannot be used, why, and what to do about it: once when it begins, now and again while it lasts, and once
// when it is over. Both connections of a registry share one, so that one cause is one line.
import {
  silentMetrics,
  type Clock,
  type Counter,
  type Logger,
  type Metrics,
  type Timer,
} from '@headwater/contracts';
import { LogGate } from '../discovery/log-gate.ts';

/** What Redis is used for, each by a connection of its own. */
export type RedisUse = 'commands' | 'events';

/** What an operator reads again only so often. */
const periodMs = 10_000;
const unexplainedMs = 1_000;

/** Answers by their first word, and what they mean to an operator. */
const problems: readonly (readonly [pattern: RegExp, problem: string])[] = [
  [/\bREADONLY\b/, 'this Redis is a replica and takes no writes: registry.redis must lead to the master'],
  [/^(MOVED|ASK) /, 'the keys are on another node of a Redis Cluster: registry.redis.nodes leads there'],
  [/^LOADING /, 'Redis is reading its data; it can be used when it has finished'],
  [/^BUSY /, 'a script of somebody else blocks Redis: SCRIPT KILL ends it'],
  [
    /^NOAUTH |without any password/,
    'Redis wants a password: registry.redis.password, or in registry.redis.url',
  ],
  [/^WRONGPASS |invalid password/, 'Redis refuses the user name or password of registry.redis'],
  [/^NOPERM /, 'the user of registry.redis may not do this: docs/redis-keys.md has the rights it needs'],
  [/^OOM /, 'the memory of Redis is full: maxmemory is too low, or others fill it'],
  [/^MISCONF /, 'Redis cannot save its data and therefore takes no writes'],
  [/^NOREPLICAS /, 'Redis has fewer replicas than min-replicas-to-write'],
  [/^(CLUSTERDOWN|MASTERDOWN|TRYAGAIN|UNBLOCKED) ?/, 'a failover or a change of the Cluster is under way'],
  [
    /no answer|no connection within|does not answer|timed? ?out/i,
    'Redis does not answer: it hangs, or the network',
  ],
  [
    /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN/,
    'nothing listens at the address of registry.redis',
  ],
  [
    /All sentinels are unreachable/i,
    'no Sentinel of registry.redis.sentinels names a master that can be reached',
  ],
];

/** Tells of the outages of one Redis. */
export class RedisOutage {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #failures: Counter;
  readonly #gate: LogGate;
  readonly #failing = new Set<RedisUse>();
  #sinceMs = 0;
  #isSaid = false;
  #unexplained: Timer | undefined;

  constructor(options: { readonly clock: Clock; readonly logger: Logger; readonly metrics?: Metrics }) {
    const { clock, logger, metrics = silentMetrics } = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#gate = new LogGate(clock, periodMs);
    this.#failures = metrics.counter({
      name: 'headwater_redis_failures_total',
      help: 'Calls and connections to Redis that failed.',
      labels: ['use'],
    });
  }

  failed(use: RedisUse, caught: unknown): void {
    this.#failures.add(1, { use });
    if (this.#failing.size === 0) this.#sinceMs = this.#clock.nowMs();
    this.#failing.add(use);
    const said = rootMessage(caught);
    const problem = problems.find(([pattern]) => pattern.test(said))?.[1];
    if (problem !== undefined || this.#isSaid) this.#say(said, problem ?? said);
    else {
      // Why a connection broke is seen when it is made anew, if it is still so then.
      this.#unexplained ??= this.#clock.after(unexplainedMs, () => {
        this.#unexplained = undefined;
        if (!this.#isSaid) this.#say(said, said);
      });
    }
  }

  succeeded(use: RedisUse): void {
    if (!this.#failing.delete(use) || this.#failing.size > 0) return;
    this.#unexplained?.cancel();
    this.#unexplained = undefined;
    if (!this.#isSaid) return;
    this.#isSaid = false;
    this.#gate.reset();
    this.#logger.info({ awayMs: this.#awayMs }, 'redis can be used again');
  }

  close(): void {
    this.#unexplained?.cancel();
  }

  get #awayMs(): number {
    return Math.round(this.#clock.nowMs() - this.#sinceMs);
  }

  #say(said: string, problem: string): void {
    const heldBack = this.#gate.pass();
    if (heldBack === undefined) return;
    this.#isSaid = true;
    this.#logger.warn({ problem, said, awayMs: this.#awayMs, heldBack }, 'redis cannot be used');
  }
}

/** What is at the bottom: errors of ours only say what that came to. */
function rootMessage(caught: unknown): string {
  let error = caught;
  for (let depth = 0; depth < 5 && error instanceof Error && error.cause instanceof Error; depth++) {
    error = error.cause;
  }
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200);
}
