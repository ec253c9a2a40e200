import { describe, expect, it } from 'vitest';
import { nextLeadership, type LeadershipEvent, type LeadershipState } from './leadership-state.ts';

const states: readonly LeadershipState[] = ['idle', 'following', 'leading', 'doubtful', 'stopped'];
const events: readonly LeadershipEvent[] = ['started', 'granted', 'renewed', 'unanswered', 'lost', 'stopped'];

const moves: Readonly<Record<string, LeadershipState>> = {
  'idle started': 'following',
  'idle stopped': 'stopped',
  'following granted': 'leading',
  'following stopped': 'stopped',
  'leading unanswered': 'doubtful',
  'leading lost': 'following',
  'leading stopped': 'stopped',
  'doubtful granted': 'leading',
  'doubtful renewed': 'leading',
  'doubtful lost': 'following',
  'doubtful stopped': 'stopped',
};

describe('the states of leadership', () => {
  for (const state of states) {
    for (const event of events) {
      const next = moves[`${state} ${event}`];
      it(`${next === undefined ? `stay ${state}` : `go from ${state} to ${next}`} when ${event}`, () => {
        expect(nextLeadership(state, event)).toBe(next ?? state);
      });
    }
  }
});
