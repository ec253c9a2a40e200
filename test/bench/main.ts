// The benchmark's entry: see docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { type BenchOptions, parseBenchOptions, USAGE } from './bench-options.ts';
import { type CellResult, COUNT_TOLERANCE } from './cell-result.ts';
import { describeMachine, planCores, type CorePlan } from './measure/machine.ts';
import { renderReport } from './report.ts';
import { runCell } from './run-cell.ts';
import type { Contender } from './servers/contender.ts';
import { contender } from './servers/contenders.ts';

const PEER = 'node-media-server';

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Those that can run here; says why of the others. */
function availableContenders(names: readonly string[]): Contender[] {
  return names.map(contender).filter((candidate) => {
    const why = candidate.unavailable();
    if (why !== undefined) say(`${candidate.name} is left out: ${why}`);
    return why === undefined;
  });
}

/** Every format with every server, `pairs` times; the order turns round each time, so that drift hits all alike. */
async function runAll(
  options: BenchOptions,
  contenders: Contender[],
  cores: CorePlan,
): Promise<CellResult[]> {
  const results: CellResult[] = [];
  for (let pair = 0; pair < options.pairs; pair += 1) {
    const order = pair % 2 === 0 ? contenders : contenders.toReversed();
    for (const format of options.formats) {
      for (const candidate of order.filter((one) => one.formats.includes(format))) {
        const result = await runCell({ contender: candidate, format, options, cores });
        results.push(result);
        say(
          `${String(pair + 1)}/${String(options.pairs)} ${format} ${candidate.name}: ${result.cpuSecondsPerGb.toFixed(2)} CPU-s/GB`,
        );
        for (const warning of result.warnings) say(`  warning: ${warning}`);
      }
    }
  }
  return results;
}

async function main(): Promise<void> {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === undefined) {
    say(USAGE);
    return;
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and runs on Linux only');
  const cores = planCores();
  if (cores.server === undefined) say('server and load share their cores: fewer than two, or no taskset');
  const contenders = availableContenders(options.servers);
  const results = await runAll(options, contenders, cores);
  process.stdout.write(`${renderReport(results, PEER)}\n`);
  if (options.jsonFile !== undefined) {
    const record = { date: new Date().toISOString(), machine: describeMachine(), options, results };
    writeFileSync(options.jsonFile, `${JSON.stringify(record, null, 2)}\n`);
  }
  if (results.length === 0 || results.some((result) => !(result.countDifference <= COUNT_TOLERANCE))) {
    process.exitCode = 1;
  }
}

// Exiting ends whatever the bench has started.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
