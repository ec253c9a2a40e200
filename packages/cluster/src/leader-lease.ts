// Who leads the controllers. A lease alone does not stop a holder that was paused from writing after it lost it: each
// leadership therefore has a token, and what leaders write to refuses a lower token than it has seen.
// Implementations pass the suite in `testing/leader-lease-conformance.ts`.

/** `granted` carries the token of the new leadership; `held` who has the lease now. */
export type LeaseClaim =
  | { readonly outcome: 'granted'; readonly token: number }
  | { readonly outcome: 'held'; readonly holder: string };

/** A running leadership. */
export interface LeaseHolding {
  readonly holder: string;
  readonly token: number;
}

/**
 * One lease for all controllers, measured by the clock of whoever keeps it. A holder is named by a string of its own for
 * each run of its process. Every method may reject with `registry_unavailable`; a holder whose renewal was not answered
 * counts the lease from before it sent the last one that was, by its own monotonic clock.
 */
export interface LeaderLease {
  /** How long a leadership lasts without a renewal. */
  readonly leaseMs: number;
  /**
   * Takes the lease when it is free or has run out, or is the claimer's own: the answer to an earlier claim may have been
   * lost. Each grant has a higher token than every grant before it, also when the store lost its memory.
   */
  claim(holder: string): Promise<LeaseClaim>;
  /** Lets the lease run anew. False when the leadership is over, also when it has merely run out. */
  renew(holder: string, token: number): Promise<boolean>;
  /** Gives the lease up, so that nobody waits for its end. False when the leadership was over already. */
  release(holder: string, token: number): Promise<boolean>;
  /** Who leads now; undefined when nobody does. */
  current(): Promise<LeaseHolding | undefined>;
  /** Rejects all further calls with `registry_unavailable`; gives nothing up. Twice does nothing. */
  close(): Promise<void>;
}
