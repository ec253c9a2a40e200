// `pnpm bench:join`: from a viewer's connect to its first keyframe on an edge of a real cluster, for the first viewer of
// a stream (the edge has to find and pull it) and for further ones. See docs/benchmarks.md.
import { parseArgs } from 'node:util';
import { FleetStats } from '../load/fleet-stats.ts';
import { Viewer, type ViewerFormat } from '../load/viewer.ts';
import { renderTable } from '../report.ts';
import { runProgram } from '../run-program.ts';
import { say } from '../run-rounds.ts';
import { APP, LOOPBACK, STREAM } from '../servers/contender.ts';
import { JoinCluster } from './join-cluster.ts';

const USAGE = `Usage: pnpm bench:join [options]
  --streams N       streams of 500 kbit/s, half of them watched by RTMP, half by HTTP-FLV (default: 100)
  --cold N          first viewers a second (default: 20)
  --warm N          further viewers a second (default: 200)
  --rounds N        further viewers of each stream (default: 5)
  --help            print this`;

const RATE = '500k';
/** Viewers that stay, at most. */
const MAX_WATCHING = 50;
const JOIN_DEADLINE_MS = 10_000;
/** More than one GOP: every stream has a keyframe to start from. */
const SETTLE_MS = 2_500;

interface JoinOptions {
  readonly streams: number;
  readonly coldPerSecond: number;
  readonly warmPerSecond: number;
  readonly rounds: number;
}

/** Joins the streams one after the other at an even pace, and waits for all keyframes. */
async function joinAll(cluster: JoinCluster, names: readonly number[], perSecond: number) {
  const stats = { rtmp: new FleetStats(), flv: new FleetStats() };
  const viewers: Viewer[] = [];
  const startedMs = performance.now();
  for (const [index, number] of names.entries()) {
    await sleep(startedMs + (index * 1000) / perSecond - performance.now());
    // So that few watch at a time, and what is measured is joining.
    const old = viewers[index - MAX_WATCHING];
    if (old?.isSettled === true) old.leave();
    const format: ViewerFormat = number % 2 === 0 ? 'rtmp' : 'flv';
    viewers.push(new Viewer(viewerTarget(cluster, format, number), stats[format]));
  }
  const deadlineMs = performance.now() + JOIN_DEADLINE_MS;
  while (performance.now() < deadlineMs && !viewers.every(({ isSettled }) => isSettled)) await sleep(10);
  for (const viewer of viewers) viewer.leave();
  return stats;
}

function viewerTarget(cluster: JoinCluster, format: ViewerFormat, number: number) {
  const name = `${STREAM}-${String(number)}`;
  return {
    format,
    host: LOOPBACK,
    port: cluster.edgePorts[format],
    app: APP,
    name,
    rate: RATE,
    query: '',
  } as const;
}

function rowsOf(title: string, stats: Readonly<Record<ViewerFormat, FleetStats>>): string[][] {
  return (['rtmp', 'flv'] as const).map((format) => {
    const { join, joined, failures } = stats[format];
    const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
    const times = [0.5, 0.9, 0.99].map((share) => join.quantileMs(share).toFixed(1));
    return [`${title}, ${format}`, String(joined), String(failed), ...times];
  });
}

async function measure(cluster: JoinCluster, options: JoinOptions): Promise<void> {
  const { streams, coldPerSecond, warmPerSecond, rounds } = options;
  await cluster.publish(streams, RATE);
  await sleep(SETTLE_MS);
  const numbers = Array.from({ length: streams }, (_, number) => number);
  const first = await joinAll(cluster, numbers.slice(0, 2), 1);
  const cold = await joinAll(cluster, numbers.slice(2), coldPerSecond);
  await sleep(SETTLE_MS);
  const further = Array.from({ length: rounds }, () => numbers).flat();
  const warm = await joinAll(cluster, further, warmPerSecond);
  const header = ['viewer', 'joined', 'failed', 'p50 ms', 'p90 ms', 'p99 ms'];
  const rows = [
    ...rowsOf("the edge's first", first),
    ...rowsOf('first of a stream', cold),
    ...rowsOf('further', warm),
  ];
  process.stdout.write(`${renderTable([header, ...rows])}\n`);
}

async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(): Promise<void> {
  const count = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      streams: { ...count, default: '100' },
      cold: { ...count, default: '20' },
      warm: { ...count, default: '200' },
      rounds: { ...count, default: '5' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const cluster = await JoinCluster.start();
  try {
    await measure(cluster, {
      streams: Number(values.streams),
      coldPerSecond: Number(values.cold),
      warmPerSecond: Number(values.warm),
      rounds: Number(values.rounds),
    });
  } finally {
    await cluster.stop();
  }
}

runProgram(main);
