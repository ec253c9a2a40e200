import { streamKey } from '@headwater/contracts';
import { expect, it } from 'vitest';
import type { FailoverAction } from './plan.ts';
import { StandbyPace } from './standby-pace.ts';

const standbys = Array.from({ length: 500 }, (_, index): FailoverAction => ({
  type: 'set_standby',
  stream: streamKey('live', `s${String(index)}`),
  epoch: 1,
  standby: undefined,
}));
const expel: FailoverAction = {
  type: 'expel_node',
  node: { nodeId: 'o1', incarnation: 'run 1' },
  silentMs: 1_000,
};

it('lets some standbys through at once, in order, and all other steps', () => {
  const pace = new StandbyPace();
  expect(pace.take([expel, ...standbys], 5_000)).toEqual([expel, ...standbys.slice(0, 32)]);
  expect(pace.take([expel, ...standbys], 5_000)).toEqual([expel]);
});

it('lets a hundred more through in each second', () => {
  const pace = new StandbyPace();
  let left = standbys;
  for (let nowMs = 0; nowMs <= 2_000; nowMs += 100) left = left.slice(pace.take(left, nowMs).length);
  expect(standbys.length - left.length).toBe(232);
});

it('saves up no more than a burst', () => {
  const pace = new StandbyPace();
  pace.take(standbys, 0);
  expect(pace.take(standbys, 60_000)).toHaveLength(32);
});

it('lets none through for 3 s after a verdict but what was saved up, and then goes on', () => {
  const pace = new StandbyPace();
  pace.nodeDied(1_000);
  expect(pace.take([expel, ...standbys], 1_000)).toHaveLength(1 + 32);
  expect(pace.take([expel, ...standbys], 3_999)).toEqual([expel]);
  expect(pace.isMoving(3_999)).toBe(false);
  expect(pace.isMoving(4_000)).toBe(true);
  expect(pace.take(standbys, 4_100)).toHaveLength(10);
});
