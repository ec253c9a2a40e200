// The benchmark's entry: see docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { parseBenchOptions, USAGE } from './bench-options.ts';
import { areTrustworthy } from './cell-result.ts';
import { describeMachine, planCores } from './measure/machine.ts';
import { renderReport } from './report.ts';
import { runProgram } from './run-program.ts';
import { availableContenders, runRounds, say } from './run-rounds.ts';

const PEER = 'node-media-server';

async function main(): Promise<void> {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === undefined) {
    say(USAGE);
    return;
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and runs on Linux only');
  const cores = planCores();
  const results = await runRounds([options], availableContenders(options.servers), cores);
  process.stdout.write(`${renderReport(results, PEER)}\n`);
  if (options.jsonFile !== undefined) {
    const record = { date: new Date().toISOString(), machine: describeMachine(), options, results };
    writeFileSync(options.jsonFile, `${JSON.stringify(record, null, 2)}\n`);
  }
  if (!areTrustworthy(results)) process.exitCode = 1;
}

runProgram(main);
