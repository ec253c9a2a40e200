/* eslint-disable @typescript-eslint/require-await -- async turns every throw into a rejection, as callers expect */
import { AppError, type Clock } from '@headwater/contracts';
import type { LeaderLease, LeaseClaim, LeaseHolding } from './leader-lease.ts';

/** What a memory lease is made of. */
export interface MemoryLeaderLeaseOptions {
  readonly clock: Clock;
  /** Default 4 s. */
  readonly leaseMs?: number;
}

/** What a memory lease held at some moment; opaque. */
export interface SavedLeaderLease {
  readonly holding: LeaseHolding | undefined;
  readonly endsMs: number;
  readonly lastToken: number;
}

/** `LeaderLease` among the controllers of one process. */
export class MemoryLeaderLease implements LeaderLease {
  readonly leaseMs: number;
  readonly #clock: Clock;
  #holding: LeaseHolding | undefined;
  #endsMs = 0;
  #lastToken = 0;
  #isClosed = false;

  constructor(options: MemoryLeaderLeaseOptions) {
    this.#clock = options.clock;
    this.leaseMs = options.leaseMs ?? 4_000;
  }

  async claim(holder: string): Promise<LeaseClaim> {
    const running = this.#running();
    if (running !== undefined && running.holder !== holder) {
      return { outcome: 'held', holder: running.holder };
    }
    const token = Math.max(this.#lastToken + 1, Math.floor(this.#clock.wallMs()));
    this.#lastToken = token;
    this.#holding = { holder, token };
    this.#endsMs = this.#clock.nowMs() + this.leaseMs;
    return { outcome: 'granted', token };
  }

  async renew(holder: string, token: number): Promise<boolean> {
    if (!this.#isHeldBy(holder, token)) return false;
    this.#endsMs = this.#clock.nowMs() + this.leaseMs;
    return true;
  }

  async release(holder: string, token: number): Promise<boolean> {
    if (!this.#isHeldBy(holder, token)) return false;
    this.#holding = undefined;
    return true;
  }

  async current(): Promise<LeaseHolding | undefined> {
    return this.#running();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** What the lease holds now, for `restore`: tests and simulations make it lose its last writes with that. */
  save(): SavedLeaderLease {
    return { holding: this.#holding, endsMs: this.#endsMs, lastToken: this.#lastToken };
  }

  /** Puts the lease back to what it held, or empties it. */
  restore(saved?: SavedLeaderLease): void {
    this.#holding = saved?.holding;
    this.#endsMs = saved?.endsMs ?? 0;
    this.#lastToken = saved?.lastToken ?? 0;
  }

  #isHeldBy(holder: string, token: number): boolean {
    const running = this.#running();
    return running?.holder === holder && running.token === token;
  }

  #running(): LeaseHolding | undefined {
    if (this.#isClosed) throw new AppError('registry_unavailable', { details: { what: 'lease is closed' } });
    if (this.#clock.nowMs() >= this.#endsMs) this.#holding = undefined;
    return this.#holding;
  }
}
