// `pnpm bench:ingest`: what a publisher costs a server that nobody watches. See docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { describeMachine, planCores } from '../measure/machine.ts';
import { runProgram } from '../run-program.ts';
import { availableContenders, say } from '../run-rounds.ts';
import { parseIngestOptions, USAGE } from './ingest-options.ts';
import { renderIngestReport } from './ingest-report.ts';
import type { IngestResult } from './ingest-result.ts';
import { runIngest } from './run-ingest.ts';

async function main(): Promise<void> {
  const options = parseIngestOptions(process.argv.slice(2));
  if (options === undefined) {
    say(USAGE);
    return;
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and runs on Linux only');
  const cores = planCores();
  const contenders = availableContenders(options.servers);
  const results: IngestResult[] = [];
  for (let pair = 0; pair < options.pairs; pair += 1) {
    for (const contender of pair % 2 === 0 ? contenders : contenders.toReversed()) {
      const result = await runIngest(contender, options, cores);
      results.push(result);
      const cost = (result.coreSharePerPublisher * 100).toFixed(3);
      say(
        `${String(pair + 1)}/${String(options.pairs)} ${contender.name}: ${cost} % of a core per publisher`,
      );
      for (const warning of result.warnings) say(`  warning: ${warning}`);
    }
  }
  process.stdout.write(`${renderIngestReport(results)}\n`);
  if (options.jsonFile !== undefined) {
    const record = { date: new Date().toISOString(), machine: describeMachine(), options, results };
    writeFileSync(options.jsonFile, `${JSON.stringify(record, null, 2)}\n`);
  }
}

runProgram(main);
