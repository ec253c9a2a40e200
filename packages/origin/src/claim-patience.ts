// A publisher whose origin has died comes back through the load balancer before the dead owner's lease has run out.
// Refusing it would cost it another step of its back-off, so it is kept waiting while its stream's owner does not answer.
import type { ClaimResult } from '@headwater/cluster';
import type { Clock } from '@headwater/contracts';
import type { OwnerProbe } from './shared-probe.ts';
import type { StreamChange } from './stream-changes.ts';

/** How a claim is repeated. */
export interface ClaimPatienceOptions {
  readonly clock: Clock;
  /** Whether a node answers on its relay address. Resolves within a bound; never rejects. */
  readonly probeOwner: OwnerProbe;
  /** How long a publisher is kept waiting: a little more than a lease. */
  readonly patienceMs: number;
}

// Events of the registry tell when it is worth asking again; this is for those that were missed.
const againMs = 500;

/**
 * Claims, and claims again while the owner in the way does not answer. Ends with what the registry said last: when it was
 * claimed, when the owner answers, when patience is over, or when nobody waits for it any more.
 */
export async function claimWithPatience(
  claim: () => Promise<ClaimResult>,
  isWanted: () => boolean,
  options: ClaimPatienceOptions & { readonly change: StreamChange },
): Promise<ClaimResult> {
  const { clock, probeOwner, patienceMs, change } = options;
  const endsMs = clock.nowMs() + patienceMs;
  let result = await claim();
  while (result.outcome === 'refused' && isWanted() && clock.nowMs() < endsMs) {
    if (await probeOwner(result.current.relayAddress)) return result;
    await change.next(againMs);
    if (isWanted()) result = await claim();
  }
  return result;
}
