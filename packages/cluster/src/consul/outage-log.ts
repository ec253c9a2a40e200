import type { Clock, Counter, Logger, Metrics } from '@headwater/contracts';
import { LogGate } from '../discovery/log-gate.ts';
import type { ConsulFailure } from './consul-failure.ts';

/** What a discovery does with Consul, each of which can fail by itself. */
export type ConsulWork = 'announce' | 'follow' | 'datacenters' | 'coordinates';

/**
 * Says that Consul is away or refuses the token, at most one line a second whatever fails, and once that it is back; counts
 * every failure.
 */
export class OutageLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #failures: Counter;
  readonly #gate: LogGate;
  readonly #failing = new Set<string>();
  #sinceMs = 0;

  constructor(options: { clock: Clock; logger: Logger; metrics: Metrics }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#gate = new LogGate(options.clock, 1_000);
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
    const heldBack = this.#gate.pass();
    if (heldBack === undefined) return;
    const { operation, status, kind, message } = failure;
    const awayMs = Math.round(this.#clock.nowMs() - this.#sinceMs);
    const fields = {
      ...{ reason: message, kind, operation, status, awayMs, heldBack },
      ...(datacenter === '' ? {} : { datacenter }),
    };
    if (kind === 'denied') this.#logger.error(fields, 'consul refuses the token');
    else this.#logger.warn(fields, 'consul is away');
  }

  succeeded(work: ConsulWork, datacenter: string = ''): void {
    if (!this.#failing.delete(work + datacenter) || this.#failing.size > 0) return;
    this.#logger.info({ awayMs: Math.round(this.#clock.nowMs() - this.#sinceMs) }, 'consul is back');
  }
}
