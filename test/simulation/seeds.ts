// What a test of many schedules says when one fails: enough to repeat it.
import { shorten, runSchedule, runSeeds } from './run.ts';
import { scheduleOf } from './schedule.ts';

/** How many schedules all tests together run. */
const schedules = wholeNumber('HEADWATER_SIMULATION_SCHEDULES') ?? 100_000;
const firstSeed = wholeNumber('HEADWATER_SIMULATION_FIRST_SEED') ?? 1;
const parts = 20;

/** The one seed that is to be run, where the environment names it. */
export const onlySeed: number | undefined = wholeNumber('HEADWATER_SIMULATION_SEED');

/** One of the runs of neighbouring seeds that all schedules are cut into. */
export interface SeedRange {
  readonly first: number;
  readonly count: number;
}

/** The ranges of one of the files that share the work. */
export function rangesOf(file: number, files: number): SeedRange[] {
  const count = Math.ceil(schedules / parts);
  const ranges = Array.from({ length: parts }, (_, part) => ({ first: firstSeed + part * count, count }));
  return ranges.filter((_, part) => part % files === file);
}

/** Runs the schedules of a range, or none where one seed is asked for; throws at the first that fails, with all that is needed to repeat it. */
export async function expectAllToHold({ first, count }: SeedRange): Promise<void> {
  if (onlySeed !== undefined) return;
  const failure = await runSeeds(first, count);
  if (failure === undefined) return;
  const { seed, problems } = failure;
  const { size, steps } = await shorten(seed, scheduleOf(seed));
  const lines = [
    `schedule ${seed} failed:`,
    ...problems.map((problem) => `  ${problem}`),
    `something still goes wrong with these steps, in a cluster of ${JSON.stringify(size)}:`,
    ...steps.map((step) => `  ${JSON.stringify(step)}`),
    `all that happens is shown by HEADWATER_SIMULATION_SEED=${seed} npx vitest run --project simulation`,
  ];
  throw new Error(lines.join('\n'));
}

/** Runs one seed, shortened when it fails; returns everything that happened, and what went wrong. */
export async function replay(
  seed: number,
): Promise<{ readonly trace: readonly string[]; readonly problems: readonly string[] }> {
  const whole = scheduleOf(seed);
  const hasFailed = (await runSchedule(seed, whole)).length > 0;
  const schedule = hasFailed ? await shorten(seed, whole) : whole;
  const trace: string[] = [];
  const problems = await runSchedule(seed, schedule, (line) => trace.push(line));
  return { trace, problems };
}

/** What a variable says; throws where that is no number, as nothing would be run then, and nothing fail. */
function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || /^[1-9]\d{0,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new Error(`${name} is "${text}": expected a whole number from 1 on`);
}
