// Every combination of server, format and load, again and again, in an order that drift cannot favour.
import type { BenchOptions } from './bench-options.ts';
import type { CellResult } from './cell-result.ts';
import type { CorePlan } from './measure/machine.ts';
import { runCell } from './run-cell.ts';
import type { Contender } from './servers/contender.ts';
import { contender } from './servers/contenders.ts';

/** Tells the person at the terminal; figures alone go to stdout. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Those that can run here; says why of the others. */
export function availableContenders(names: readonly string[]): Contender[] {
  return names.map(contender).filter((candidate) => {
    const why = candidate.unavailable();
    if (why !== undefined) say(`${candidate.name} is left out: ${why}`);
    return why === undefined;
  });
}

/** Every load with every format and server, `pairs` times; the order of the servers turns round each time. */
export async function runRounds(
  loads: readonly BenchOptions[],
  contenders: readonly Contender[],
  cores: CorePlan,
): Promise<CellResult[]> {
  if (cores.server === undefined) say('server and load share their cores: fewer than two, or no taskset');
  const results: CellResult[] = [];
  for (const { contender: candidate, format, options, pair } of roundsOf(loads, contenders)) {
    const result = await runCell({ contender: candidate, format, options, cores });
    results.push(result);
    const round = `${String(pair + 1)}/${String(options.pairs)}`;
    const load = `${String(options.viewers)} viewers of ${options.rate}`;
    say(`${round} ${load}, ${format} ${candidate.name}: ${result.cpuSecondsPerGb.toFixed(2)} CPU-s/GB`);
    for (const warning of result.warnings) say(`  warning: ${warning}`);
  }
  return results;
}

interface Round {
  readonly contender: Contender;
  readonly format: BenchOptions['formats'][number];
  readonly options: BenchOptions;
  readonly pair: number;
}

function roundsOf(loads: readonly BenchOptions[], contenders: readonly Contender[]): Round[] {
  return loads.flatMap((options) =>
    Array.from({ length: options.pairs }, (_, pair) => pair).flatMap((pair) => {
      const order = pair % 2 === 0 ? contenders : contenders.toReversed();
      return options.formats.flatMap((format) =>
        order
          .filter((one) => one.formats.includes(format))
          .map((one) => ({ contender: one, format, options, pair })),
      );
    }),
  );
}
