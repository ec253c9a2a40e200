// One controller's part in the election: claims the lease while it is free, renews it while it is its own, and counts
// itself out before the lease ends, by its own monotonic clock from before it sent the last renewal that was answered.
import type { LeaderLease } from '@headwater/cluster';
import { toAppError, type Clock, type Logger, type Timer } from '@headwater/contracts';
import { nextLeadership, type LeadershipEvent, type LeadershipState } from './leadership-state.ts';
import { within } from './within.ts';

/** What a leadership is made of. */
export interface LeadershipOptions {
  readonly lease: LeaderLease;
  /** This run of this controller; no other has the name. */
  readonly holder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (state: LeadershipState) => void;
}

/** Claims, renews and gives up the lease. Started and stopped once. */
export class Leadership {
  readonly #options: LeadershipOptions;
  /** How often it claims or renews, and how long one call may take. */
  readonly #periodMs: number;
  /** For how long after sending a renewal the lease is surely its own. */
  readonly #sureMs: number;
  #state: LeadershipState = 'idle';
  #token = 0;
  #renewedMs = 0;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#periodMs = options.lease.leaseMs / 4;
    this.#sureMs = options.lease.leaseMs * 0.75;
  }

  get state(): LeadershipState {
    this.#checkTime();
    return this.#state;
  }

  /** The fencing token for writes; undefined when this controller must not write. */
  get token(): number | undefined {
    return this.state === 'leading' ? this.#token : undefined;
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#enter('started');
    this.#timer = this.#options.clock.every(this.#periodMs, () => {
      this.#turn();
    });
    this.#turn();
  }

  /** A write was refused in favour of a later leadership. */
  fenced(token: number): void {
    if (token === this.#token) this.#enter('lost');
  }

  /** Gives the lease up. Twice does nothing. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const hadLease = this.#state === 'leading' || this.#state === 'doubtful';
    this.#timer?.cancel();
    this.#enter('stopped');
    await this.#running;
    if (!hadLease) return;
    const { lease, holder, clock, logger } = this.#options;
    try {
      await within(clock, this.#periodMs, lease.release(holder, this.#token));
    } catch (caught) {
      logger.warn({ err: toAppError(caught) }, 'leadership could not be given up');
    }
  }

  #turn(): void {
    this.#checkTime();
    this.#running ??= this.#claimOrRenew().finally(() => {
      this.#running = undefined;
    });
  }

  async #claimOrRenew(): Promise<void> {
    const { clock } = this.#options;
    const sentMs = clock.nowMs();
    try {
      if (this.#state === 'following') await this.#claim(sentMs);
      else await this.#renew(sentMs);
    } catch (caught) {
      this.#options.logger.debug({ err: toAppError(caught) }, 'lease of leaders does not answer');
      this.#enter('unanswered');
    }
  }

  async #claim(sentMs: number): Promise<void> {
    const { lease, holder, clock } = this.#options;
    const claim = await within(clock, this.#periodMs, lease.claim(holder));
    if (claim.outcome === 'held') return;
    this.#token = claim.token;
    if (this.#state === 'stopped') {
      await within(clock, this.#periodMs, lease.release(holder, claim.token));
      return;
    }
    this.#renewedMs = sentMs;
    this.#enter('granted');
    this.#checkTime();
  }

  async #renew(sentMs: number): Promise<void> {
    const { lease, holder, clock } = this.#options;
    const token = this.#token;
    const isRenewed = await within(clock, this.#periodMs, lease.renew(holder, token));
    if (token !== this.#token) return;
    if (isRenewed) this.#renewedMs = sentMs;
    this.#enter(isRenewed ? 'renewed' : 'lost');
  }

  // Asked at each use, since a process that stood still finds its timers late.
  #checkTime(): void {
    if (this.#state !== 'leading' && this.#state !== 'doubtful') return;
    if (this.#options.clock.nowMs() - this.#renewedMs >= this.#sureMs) this.#enter('lost');
  }

  #enter(event: LeadershipEvent): void {
    const before = this.#state;
    this.#state = nextLeadership(before, event);
    if (this.#state !== before) this.#options.onChange(this.#state);
  }
}
