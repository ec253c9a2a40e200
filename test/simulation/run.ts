// Runs schedules. A run depends on its schedule and seed alone, so that it can be repeated, and made shorter.
import { mend, unrest } from './quiet.ts';
import { scheduleOf, takeStep, type Schedule } from './schedule.ts';
import { World } from './world.ts';

/** How long a cluster may take to come to rest once all is mended. */
const restMs = 60_000;
const lookEachMs = 1_000;

/** What went wrong in a run; empty when nothing did. */
export async function runSchedule(
  seed: number,
  schedule: Schedule,
  trace?: (line: string) => void,
): Promise<readonly string[]> {
  const world = new World(seed, schedule.size, trace);
  const { violations } = world.ledger;
  for (const publisher of world.publishers) publisher.start();
  for (const job of world.jobs) await world.redis.jobs.add({ job, maxJobs: 10 });
  await world.pass(1_500);
  for (const step of schedule.steps) {
    await world.pass(step.waitMs);
    if (violations.length > 0) return violations;
    await takeStep(world, step);
  }
  world.trace('--- mended');
  mend(world);
  await world.pass(4_000);
  const endMs = world.clock.nowMs() + restMs;
  let left = await unrest(world);
  while (left.length > 0 && violations.length === 0 && world.clock.nowMs() < endMs) {
    await world.pass(lookEachMs);
    left = await unrest(world);
  }
  return [...violations, ...left.map((what) => `${restMs / 1_000} s after everything was mended: ${what}`)];
}

/** The same failure with fewer steps: leaves steps out as long as something still goes wrong. */
export async function shorten(seed: number, schedule: Schedule): Promise<Schedule> {
  let { steps } = schedule;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length;) {
      const fewer = steps.filter((_, index) => index < from || index >= from + size);
      if ((await runSchedule(seed, { ...schedule, steps: fewer })).length > 0) steps = fewer;
      else from += size;
    }
  }
  return { ...schedule, steps };
}

/** Runs the schedules of the seeds from `first` on; returns the first seed that failed, with what went wrong. */
export async function runSeeds(
  first: number,
  count: number,
): Promise<{ readonly seed: number; readonly problems: readonly string[] } | undefined> {
  // A hundred thousand stack traces that nobody reads cost more than what they tell of.
  Error.stackTraceLimit = 0;
  for (let seed = first; seed < first + count; seed++) {
    const problems = await runSchedule(seed, scheduleOf(seed));
    if (problems.length > 0) return { seed, problems };
    // Whoever waits for this process beside it has a turn.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return undefined;
}
