// `pnpm bench:peers`: Headwater beside every peer that is found, under one load after the other. See docs/benchmarks.md.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type BenchOptions, parseBenchOptions } from './bench-options.ts';
import { areTrustworthy } from './cell-result.ts';
import { describeMachine, planCores } from './measure/machine.ts';
import { renderPeersChart } from './peers-chart.ts';
import { renderPeersReport } from './peers-report.ts';
import { runProgram } from './run-program.ts';
import { availableContenders, runRounds, say } from './run-rounds.ts';

const USAGE = `Usage: pnpm bench:peers [options]
  --loads LIST      viewers x stream rate (default: 100x1m,500x1m,1000x1m,2000x1m,200x6m)
  --servers LIST    as for pnpm bench (default: all that can be found); SRS_BIN and MEDIAMTX_BIN name binaries
  --formats LIST    of rtmp, flv (default: both)
  --warm-up N       seconds from the last join to each measuring window (default: 20)
  --seconds N       length of each measuring window (default: 8)
  --pairs N         how often each combination is repeated (default: 2)
  --chart FILE      write a chart (SVG) to FILE, of the load that --chart-load names
  --chart-load LOAD (default: 1000x1m)
  --json FILE       write every figure of every run to FILE
  --help            print this`;

const everyServer =
  'headwater-low,headwater-100,headwater-350,headwater-edge-low,headwater-edge-100,headwater-edge-350,node-media-server,nginx-rtmp,srs-frame,srs-100,srs,mediamtx,' +
  'floor-frame,floor-100,floor-350';

function parseLoads(text: string, shared: readonly string[]): BenchOptions[] {
  return text.split(',').flatMap((load) => {
    const [viewers = '', rate = ''] = load.split('x');
    const options = parseBenchOptions(['--viewers', viewers, '--rate', rate, ...shared]);
    return options === undefined ? [] : [options];
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      loads: { type: 'string', default: '100x1m,500x1m,1000x1m,2000x1m,200x6m' },
      servers: { type: 'string', default: everyServer },
      formats: { type: 'string', default: 'rtmp,flv' },
      'warm-up': { type: 'string', default: '20' },
      seconds: { type: 'string', default: '8' },
      pairs: { type: 'string', default: '2' },
      chart: { type: 'string' },
      'chart-load': { type: 'string', default: '1000x1m' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and runs on Linux only');
  const { formats, seconds, pairs } = values;
  const shared = [
    '--formats',
    formats,
    '--seconds',
    seconds,
    '--pairs',
    pairs,
    '--joins',
    '250',
    '--warm-up',
    values['warm-up'],
  ];
  const loads = parseLoads(values.loads, shared);
  const results = await runRounds(loads, availableContenders(values.servers.split(',')), planCores());
  process.stdout.write(`${renderPeersReport(results)}\n`);
  if (values.chart !== undefined) {
    const drawn = results.filter(
      ({ viewers, rate }) => `${String(viewers)}x${rate}` === values['chart-load'],
    );
    writeFileSync(values.chart, renderPeersChart(drawn));
  }
  if (values.json !== undefined) {
    const record = { date: new Date().toISOString(), machine: describeMachine(), loads, results };
    writeFileSync(values.json, `${JSON.stringify(record, null, 2)}\n`);
  }
  if (!areTrustworthy(results)) process.exitCode = 1;
}

runProgram(main);
