import type { Clock, Counter, Logger, Metrics } from '@headwater/contracts';
import { LogGate } from '../discovery/log-gate.ts';
import type { ConsulFailure } from './consul-failure.ts';

/** What a discovery does with Consul, each of which can fail by itself. */
export type ConsulWork = 'announce' | 'follow' | 'datacenters' | 'coordinates';

/** What an operator reads again only so often while nothing changes. */
const awayPeriodMs = 10_000;
const deniedPeriodMs = 60_000;

/**
 * Says that Consul is away or refuses the token, at once and then now and again, and once that it is back; counts every
 * failure.
 */
export class OutageLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #failures: Counter;
  readonly #needs: string;
  readonly #awayGate: LogGate;
  readonly #deniedGate: LogGate;
  readonly #failing = new Set<string>();
  #sinceMs = 0;

  /** `needs` says which rights the token must have. */
  constructor(options: { clock: Clock; logger: Logger; metrics: Metrics; needs: string }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#needs = options.needs;
    this.#awayGate = new LogGate(options.clock, awayPeriodMs);
    this.#deniedGate = new LogGate(options.clock, deniedPeriodMs);
    this.#failures = options.metrics.counter({
      name: 'headwater_discovery_failures_total',
      help: 'Failed attempts to read or announce nodes.',
      labels: ['reason'],
    });
  }

  /** `datacenter` tells works of one kind apart. */
  failed(work: ConsulWork, failure: ConsulFailure, datacenter: string = ''): void {
    this.#failures.add(1, { reason: failure.kind });
    if (this.#failing.size === 0) this.#sinceMs = this.#clock.nowMs();
    this.#failing.add(work + datacenter);
    const { operation, status, kind, message } = failure;
    const isDenied = kind === 'denied';
    const heldBack = (isDenied ? this.#deniedGate : this.#awayGate).pass();
    if (heldBack === undefined) return;
    const awayMs = Math.round(this.#clock.nowMs() - this.#sinceMs);
    const fields = {
      ...{ reason: message, kind, operation, status, awayMs, heldBack },
      ...(datacenter === '' ? {} : { datacenter }),
    };
    if (isDenied) this.#logger.error({ ...fields, needs: this.#needs }, 'consul refuses the token');
    else this.#logger.warn(fields, 'consul is away');
  }

  succeeded(work: ConsulWork, datacenter: string = ''): void {
    if (!this.#failing.delete(work + datacenter) || this.#failing.size > 0) return;
    this.#awayGate.reset();
    this.#deniedGate.reset();
    this.#logger.info({ awayMs: Math.round(this.#clock.nowMs() - this.#sinceMs) }, 'consul is back');
  }
}
