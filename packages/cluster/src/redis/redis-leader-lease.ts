import { AppError, type Clock } from '@headwater/contracts';
import type { LeaderLease, LeaseClaim, LeaseHolding } from '../leader-lease.ts';
import type { RunScript } from './redis-failover.ts';
import { textOf } from './script-reply.ts';

/** `LeaderLease` in Redis, over the connection of a `RedisStreamRegistry`, which makes it and outlives it. */
export class RedisLeaderLease implements LeaderLease {
  readonly leaseMs: number;
  readonly #clock: Clock;
  readonly #run: RunScript;
  #isClosed = false;

  constructor(options: { readonly clock: Clock; readonly leaseMs: number; readonly run: RunScript }) {
    this.leaseMs = options.leaseMs;
    this.#clock = options.clock;
    this.#run = async (script, args) => {
      if (this.#isClosed) {
        throw new AppError('registry_unavailable', { details: { what: 'lease is closed' } });
      }
      return await options.run(script, args);
    };
  }

  async claim(holder: string): Promise<LeaseClaim> {
    const { code, values } = await this.#run('leader-claim', [
      holder,
      String(Math.floor(this.#clock.wallMs())),
    ]);
    const said = textOf(values[0]);
    return code === 1 ? { outcome: 'granted', token: Number(said) } : { outcome: 'held', holder: said };
  }

  async renew(holder: string, token: number): Promise<boolean> {
    return (await this.#run('leader-renew', [holder, String(token)])).code === 1;
  }

  async release(holder: string, token: number): Promise<boolean> {
    return (await this.#run('leader-release', [holder, String(token)])).code === 1;
  }

  async current(): Promise<LeaseHolding | undefined> {
    const { code, values } = await this.#run('leader-read', []);
    return code === 1 ? { holder: textOf(values[0]), token: Number(textOf(values[1])) } : undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}
