// Half of the random schedules: files run beside each other, tests of a file do not.
import { describe, it } from 'vitest';
import { expectAllToHold, rangesOf } from './seeds.ts';

describe('a cluster under random faults', () => {
  it.each(rangesOf(0, 2))('holds what it must in $count schedules from seed $first on', expectAllToHold);
});
