// `pnpm bench:overload`: how many viewers saturate a core, and what becomes of twice as many when there are limits. See
// docs/benchmarks.md.
import { parseArgs } from 'node:util';
import { parseCount, parseFormat, parseRate } from '../bench-options.ts';
import type { JoinReport } from '../load/fleet-stats.ts';
import { renderTable } from '../report.ts';
import { runProgram } from '../run-program.ts';
import { say } from '../run-rounds.ts';
import { unlimited } from '../servers/headwater.ts';
import { OverloadRig, type Figures, type Load } from './rig.ts';

const USAGE = `Usage: pnpm bench:overload [options]
  --rate RATE       stream of 500k, 1m or 6m (default: 6m)
  --format FORMAT   rtmp or flv (default: flv)
  --joins N         viewers joining each second (default: 100)
  --from N          viewers to begin with (default: 2400)
  --step N          how many more until the core is saturated (default: 200)
  --help            print this`;

/** What a viewer that is refused is told, over HTTP and over RTMP. */
const CLEAR_ANSWERS = ['HTTP 503', 'NetStream.Play.Failed', 'NetConnection.Connect.Rejected'];
const MAX_VIEWERS = 10_000;
/** What of a saturating load is admitted. */
const SHARE = 0.75;
/** A node that has more of its core saturates it. */
const BUSY_SHARE = 0.95;
/** As is a node whose viewers get less, or whose timers are later. */
const LEAST_DELIVERED = 0.99;
const MOST_LAG_MS = 250;

const HEADER = [
  'node busy',
  'Mbit/s',
  'delivered',
  'stalls',
  'lost',
  'disconnected',
  'latency p99 ms',
  'loop lag p99 ms',
  'generator',
];

function rowOf(figures: Figures): string[] {
  const percent = (share: number): string => (Number.isNaN(share) ? '' : `${(share * 100).toFixed(1)} %`);
  return [
    percent(figures.nodeShare),
    figures.megabits.toFixed(0),
    percent(figures.deliveredShare),
    String(figures.stalls),
    String(figures.lostFrames),
    String(figures.disconnects),
    figures.latencyP99Ms.toFixed(0),
    figures.loopLagP99Ms.toFixed(0),
    percent(figures.generatorShare),
  ];
}

function isSaturated(figures: Figures): boolean {
  const { nodeShare, deliveredShare, loopLagP99Ms } = figures;
  return nodeShare >= BUSY_SHARE || deliveredShare < LEAST_DELIVERED || loopLagP99Ms > MOST_LAG_MS;
}

/** What a core is saturated by. */
interface Saturation {
  readonly viewers: number;
  readonly megabitsPerViewer: number;
}

/** More and more viewers of a node without limits, until its core has no more to give. */
async function findSaturation(load: Load, from: number, step: number): Promise<Saturation> {
  const rows = [['viewers', ...HEADER]];
  const found = await OverloadRig.with(load, unlimited, async (rig) => {
    let megabitsPerViewer = Number.NaN;
    for (let viewers = from; viewers <= MAX_VIEWERS; viewers += step) {
      await rig.join(viewers === from ? from : step);
      const figures = await rig.watch();
      rows.push([String(viewers), ...rowOf(figures)]);
      say(`${String(viewers)} viewers: core ${(figures.nodeShare * 100).toFixed(0)} % busy`);
      if (viewers === from) megabitsPerViewer = figures.megabits / viewers;
      if (isSaturated(figures)) return { viewers, megabitsPerViewer };
    }
    return undefined;
  });
  process.stdout.write(`${renderTable(rows)}\n\n`);
  if (found === undefined) throw new Error(`${String(MAX_VIEWERS)} viewers do not saturate the core`);
  return found;
}

/** Offers many viewers to a node with that limit alone, or with those that it has by default; an eighth of them watches already. */
async function overload(load: Load, setting: string | undefined, offered: number): Promise<string[][]> {
  const title = setting ?? 'defaults';
  const settings = setting === undefined ? [] : [...unlimited, setting];
  return OverloadRig.with(load, settings, async (rig) => {
    await rig.join(Math.floor(offered / 8));
    let joins: JoinReport | undefined;
    const offering = await rig.watch(async () => {
      joins = await rig.join(offered - Math.floor(offered / 8));
    });
    const settled = await rig.watch();
    const { joined = 0, failures = {} } = joins ?? {};
    const told = Object.entries(failures).map(([reason, count]) => `${String(count)} × ${reason}`);
    const limits = Object.entries(await rig.refusals()).map(
      ([limit, count]) => `${String(count)} × ${limit}`,
    );
    say(`${title}: ${String(joined)} watch; answers: ${told.join()}; counted: ${limits.join()}`);
    // Who watches gets all of it, and who does not is told so.
    const harmed = offering.stalls + settled.stalls + offering.disconnects + settled.disconnects;
    const answered = Object.keys(failures).every((reason) => CLEAR_ANSWERS.includes(reason));
    const isWhole = settled.deliveredShare >= LEAST_DELIVERED;
    if (harmed > 0 || !answered || !isWhole) process.exitCode = 1;
    const refused = told.join(', ');
    return [
      // Who comes within a window has not got all of it.
      [
        title,
        'while they come',
        String(joined),
        refused,
        ...rowOf({ ...offering, deliveredShare: Number.NaN }),
      ],
      [title, 'afterwards', String(joined), refused, ...rowOf(settled)],
    ];
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '6m' },
      format: { type: 'string', default: 'flv' },
      joins: { type: 'string', default: '100' },
      from: { type: 'string', default: '2400' },
      step: { type: 'string', default: '200' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const load: Load = {
    rate: parseRate(values.rate),
    format: parseFormat(values.format),
    joinsPerSecond: parseCount('joins', values.joins),
  };
  const most = await findSaturation(load, parseCount('from', values.from), parseCount('step', values.step));
  const admitted = Math.floor(most.viewers * SHARE);
  const megabits = Math.floor(admitted * most.megabitsPerViewer);
  const settings = [
    `limits.viewers=${String(admitted)}`,
    `limits.egressMbps=${String(megabits)}`,
    // What a node refuses by without being told.
    undefined,
  ];
  const rows = [['limit', 'when', 'watch', 'refused', ...HEADER]];
  for (const setting of settings) rows.push(...(await overload(load, setting, 2 * most.viewers)));
  process.stdout.write(`${renderTable(rows)}\n`);
}

runProgram(main);
