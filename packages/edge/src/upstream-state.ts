// The states of an edge's pull. Each owns what is under way in it: entering the next one ends that, so that there is
// never more than one pull that delivers, nor a timer of a state that is over.
import type { Timer } from '@headwater/contracts';
import type { Pull } from '@headwater/relay';
import type { UpstreamTarget } from './upstream-target.ts';
import type { WayBack } from './way-back.ts';

/** `resolving` asks who has the stream, `opening` waits for a node's answer, `backing-off` waits before the next round. */
export type UpstreamPhase = 'resolving' | 'opening' | 'flowing' | 'backing-off' | 'closed';

/** Which phase may follow which. */
export const upstreamTransitions: Readonly<Record<UpstreamPhase, readonly UpstreamPhase[]>> = {
  resolving: ['opening', 'backing-off', 'closed'],
  // Again `opening`: the next candidate, or another owner.
  opening: ['opening', 'flowing', 'backing-off', 'closed'],
  // Again `flowing`: back from a substitute to the owner.
  flowing: ['resolving', 'opening', 'flowing', 'backing-off', 'closed'],
  'backing-off': ['resolving', 'opening', 'closed'],
  closed: [],
};

/** A state with what belongs to it. */
export type UpstreamState =
  | { readonly phase: 'resolving' | 'closed' }
  | {
      readonly phase: 'opening';
      readonly target: UpstreamTarget;
      /** Whom to try after it. */
      readonly rest: readonly UpstreamTarget[];
      pull: Pull | undefined;
    }
  | {
      readonly phase: 'flowing';
      readonly target: UpstreamTarget;
      readonly pull: Pull | undefined;
      /** Looks after the owner while the target is a substitute. */
      readonly wayBack: WayBack | undefined;
    }
  | { readonly phase: 'backing-off'; readonly timer: Timer };

/** Ends what belongs to a state, but for the pull where the next state goes on with it. */
export function leaveState(state: UpstreamState, next: UpstreamState): void {
  if (state.phase === 'backing-off') state.timer.cancel();
  if (state.phase === 'flowing') state.wayBack?.close();
  const pull = pullOf(state);
  if (pull !== pullOf(next)) pull?.close();
}

/** The pull that a state has under way. */
export function pullOf(state: UpstreamState): Pull | undefined {
  return state.phase === 'opening' || state.phase === 'flowing' ? state.pull : undefined;
}
