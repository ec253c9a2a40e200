import { stdout } from 'node:process';
import { describe, expect, it } from 'vitest';
import { runSchedule } from './run.ts';
import { scheduleOf } from './schedule.ts';
import { onlySeed, replay } from './seeds.ts';

describe('the simulation', () => {
  it('shows all that happens in the schedule that the environment names', async () => {
    if (onlySeed === undefined) return;
    const { trace, problems } = await replay(onlySeed);
    stdout.write(`${trace.join('\n')}\n`);
    expect(problems).toEqual([]);
  });

  it('runs a schedule twice in exactly the same way', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [first, second] = [[], []] as [string[], string[]];
      await runSchedule(seed, scheduleOf(seed), (line) => first.push(line));
      await runSchedule(seed, scheduleOf(seed), (line) => second.push(line));
      expect(first.length).toBeGreaterThan(20);
      expect(second).toEqual(first);
    }
  });
});
