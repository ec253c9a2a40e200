import { expect, it } from 'vitest';
import { leaveState, upstreamTransitions, type UpstreamPhase, type UpstreamState } from './upstream-state.ts';

const phases: readonly UpstreamPhase[] = ['resolving', 'opening', 'flowing', 'backing-off', 'closed'];

it('a pull goes from one phase to another in these ways only', () => {
  const pairs = phases.flatMap((from) => phases.map((to) => [from, to] as const));
  const allowed = pairs.filter(([from, to]) => upstreamTransitions[from].includes(to));
  expect(allowed.map((pair) => pair.join(' > '))).toEqual([
    'resolving > opening',
    'resolving > backing-off',
    'resolving > closed',
    'opening > opening',
    'opening > flowing',
    'opening > backing-off',
    'opening > closed',
    'flowing > resolving',
    'flowing > opening',
    'flowing > flowing',
    'flowing > backing-off',
    'flowing > closed',
    'backing-off > resolving',
    'backing-off > opening',
    'backing-off > closed',
  ]);
});

it('leaving a state ends its pull and its timer, but not the pull that the next state goes on with', () => {
  const ended: string[] = [];
  const pullCalled = (name: string): { close: () => void } => ({ close: () => void ended.push(name) });
  const target = { kind: 'owner', node: { nodeId: 'origin-1', incarnation: 'run' }, address: 'a:1' } as const;
  const kept = pullCalled('kept');
  const opening: UpstreamState = { phase: 'opening', target, rest: [], pull: kept };
  const flowing: UpstreamState = { phase: 'flowing', target, pull: kept, wayBack: undefined };
  const waiting: UpstreamState = {
    phase: 'backing-off',
    timer: { cancel: () => void ended.push('timer') },
  };
  leaveState(opening, flowing);
  expect(ended).toEqual([]);
  leaveState(flowing, waiting);
  leaveState(waiting, opening);
  leaveState(opening, { ...opening, pull: pullCalled('next') });
  expect(ended).toEqual(['kept', 'timer', 'kept']);
});
