/**
 * `idle` before the start. `following`: another leads, or nobody. `leading`: the lease is this controller's.
 * `doubtful`: it still is, and the last renewal was not answered; nothing is done until it is known. `stopped` for good.
 */
export type LeadershipState = 'idle' | 'following' | 'leading' | 'doubtful' | 'stopped';

/**
 * What happens to a leadership. `unanswered`: a renewal failed. `lost`: the store refused it, the lease ran out by the
 * holder's own clock, or a write was fenced.
 */
export type LeadershipEvent = 'started' | 'granted' | 'renewed' | 'unanswered' | 'lost' | 'stopped';

const table: Readonly<Record<LeadershipState, Partial<Record<LeadershipEvent, LeadershipState>>>> = {
  idle: { started: 'following', stopped: 'stopped' },
  following: { granted: 'leading', stopped: 'stopped' },
  leading: { unanswered: 'doubtful', lost: 'following', stopped: 'stopped' },
  doubtful: { granted: 'leading', renewed: 'leading', lost: 'following', stopped: 'stopped' },
  stopped: {},
};

/** The state after an event; an event that means nothing in a state leaves it. */
export function nextLeadership(state: LeadershipState, event: LeadershipEvent): LeadershipState {
  return table[state][event] ?? state;
}
