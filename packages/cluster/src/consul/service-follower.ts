// Follows one service in one datacenter by blocking queries: Consul holds a query back until something is newer than the
// index it carries. An index that goes backwards means that Consul has lost its state: one starts again from nothing.
import type { Clock, Timer } from '@headwater/contracts';
import type { ConsulAnswer, ConsulClient } from './consul-client.ts';
import { ConsulFailure, toConsulFailure } from './consul-failure.ts';

/** Times of a follower. */
export interface ServiceFollowerLimits {
  /** How long Consul may hold a query back; at most 20 s. */
  readonly waitMs: number;
  /** The shortest time between two queries, for a Consul that changes all the time. */
  readonly minPeriodMs: number;
  /** The pause after the first failure, and after many. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
}

/** Defaults of `ServiceFollowerOptions.limits`. */
export const defaultServiceFollowerLimits: ServiceFollowerLimits = {
  waitMs: 20_000,
  minPeriodMs: 100,
  minPauseMs: 250,
  maxPauseMs: 5_000,
};

/** What a follower is made of. */
export interface ServiceFollowerOptions {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly service: string;
  readonly datacenter: string;
  /** All instances as they are now. `isReset` says that Consul's state is another one than before. */
  readonly onAnswer: (answer: ConsulAnswer, isReset: boolean) => void;
  readonly onFailure: (failure: ConsulFailure) => void;
  readonly limits?: Partial<ServiceFollowerLimits>;
}

/** A running series of blocking queries. */
export class ServiceFollower {
  readonly #options: ServiceFollowerOptions;
  readonly #limits: ServiceFollowerLimits;
  #index: string | undefined;
  #call: AbortController | undefined;
  #pause: { readonly timer: Timer; readonly end: () => void } | undefined;
  #failures = 0;
  /** True while Consul gives no index to wait on. */
  #isPolling = false;
  #isRefreshWanted = false;
  #isClosed = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: ServiceFollowerOptions) {
    this.#options = options;
    const limits = { ...defaultServiceFollowerLimits, ...options.limits };
    this.#limits = { ...limits, waitMs: Math.min(limits.waitMs, 20_000) };
  }

  /** Asks once, then goes on in the background. Resolves after the first answer or failure. */
  async start(): Promise<void> {
    await this.#ask();
    this.#done = this.#follow();
  }

  /** Asks now, without waiting for news: something has cast doubt on what is known. */
  refresh(): void {
    if (this.#isClosed) return;
    this.#isRefreshWanted = true;
    this.#index = undefined;
    this.#call?.abort();
    this.#pause?.end();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#call?.abort();
    this.#pause?.end();
    await this.#done;
  }

  async #follow(): Promise<void> {
    const { clock } = this.#options;
    let askedMs = clock.nowMs();
    while (!this.#isClosed) {
      await this.#sleep(this.#pauseMs(clock.nowMs() - askedMs));
      askedMs = clock.nowMs();
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    if (this.#isClosed) return;
    const { client, service, datacenter, onAnswer, onFailure } = this.#options;
    const index = this.#isRefreshWanted ? undefined : this.#index;
    this.#isRefreshWanted = false;
    this.#call = new AbortController();
    try {
      const answer = await client.services({
        ...{ service, datacenter, signal: this.#call.signal, waitMs: this.#limits.waitMs },
        ...(index === undefined ? {} : { index }),
      });
      if (!answer.hasLeader) throw new ConsulFailure('answer', 'list services', { said: 'no leader' });
      const isReset = this.#advance(index, answer.index);
      this.#failures = 0;
      if (!this.#isGivenUp()) onAnswer(answer, isReset);
    } catch (caught) {
      this.#index = undefined;
      if (this.#isGivenUp()) return;
      this.#failures++;
      onFailure(toConsulFailure('list services', caught));
    }
  }

  /** True when the index went backwards. An index that is no positive number is none: the next query does not block. */
  #advance(before: string | undefined, after: string | undefined): boolean {
    const isUsable = after !== undefined && /^[1-9]\d{0,19}$/.test(after);
    this.#isPolling = !isUsable;
    const isReset = before !== undefined && (!isUsable || BigInt(after) < BigInt(before));
    this.#index = isUsable && !isReset ? after : undefined;
    return isReset;
  }

  /** True when the query under way was broken off by this side. */
  #isGivenUp(): boolean {
    return this.#isClosed || this.#isRefreshWanted;
  }

  #pauseMs(elapsedMs: number): number {
    if (this.#isRefreshWanted) return 0;
    const { minPeriodMs, minPauseMs, maxPauseMs } = this.#limits;
    if (this.#failures === 0) return (this.#isPolling ? 10 * minPeriodMs : minPeriodMs) - elapsedMs;
    const pauseMs = Math.min(maxPauseMs, minPauseMs * 2 ** (this.#failures - 1));
    return pauseMs * (0.75 + Math.random() / 4);
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.#pause?.timer.cancel();
        this.#pause = undefined;
        resolve();
      };
      this.#pause = { timer: this.#options.clock.after(ms, end), end };
    });
  }
}
