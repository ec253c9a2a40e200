import { expect, it } from 'vitest';
import { edgeStreamTransitions, type EdgeStreamPhase } from './edge-stream.ts';

it('edge streams go from waiting to live, between live and holding, and never leave their end', () => {
  const phases: EdgeStreamPhase[] = ['waiting', 'live', 'holding', 'ended'];
  const allowed = phases.flatMap((from) => edgeStreamTransitions[from].map((to) => `${from}>${to}`));
  expect(allowed).toEqual([
    'waiting>live',
    'waiting>holding',
    'waiting>ended',
    'live>holding',
    'live>ended',
    'holding>live',
    'holding>ended',
  ]);
});
