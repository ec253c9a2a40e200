// What `bench:peers` found, as Markdown: one table for each load, format and latency class, each figure of ours beside the
// best peer's of that class.
import type { CellResult } from './cell-result.ts';
import { groupBy, medianOf, renderTable } from './report.ts';

/** Figures of a table; for all of them less is better. */
const FIGURES = [
  ['CPU-s/GB', 'cpuSecondsPerGb', 2],
  ['user', 'userSecondsPerGb', 2],
  ['system', 'systemSecondsPerGb', 2],
  ['kB/viewer', 'kilobytesPerViewer', 0],
  ['join p50 ms', 'joinP50Ms', 1],
  ['join p99 ms', 'joinP99Ms', 1],
  ['latency p50 ms', 'latencyP50Ms', 1],
  ['latency p99 ms', 'latencyP99Ms', 1],
  ['loop lag p99 ms', 'loopLagP99Ms', 1],
] as const;

type FigureKey = (typeof FIGURES)[number][1];

/** All runs of one server under one load. */
interface ServerRuns {
  readonly server: string;
  readonly runs: readonly CellResult[];
}

/** Those that are no peers: ourselves, and what only shows the limit. */
export function isPeer(server: string): boolean {
  return !server.startsWith('headwater') && !server.startsWith('floor');
}

/** Results of one load, format and latency class, server by server. */
export interface LoadGroup {
  readonly title: string;
  readonly servers: readonly ServerRuns[];
}

/** Orders results by load, format and latency class. */
export function groupByLoad(results: readonly CellResult[]): LoadGroup[] {
  const groups = groupBy(
    results,
    ({ format, viewers, rate, latencyClass }) =>
      `${String(viewers)} viewers of ${rate}, ${format}, ${latencyClass}`,
  );
  return [...groups].map(([title, cells]) => ({
    title,
    servers: [...groupBy(cells, ({ server }) => server)].map(([server, runs]) => ({ server, runs })),
  }));
}

/** The whole report, with the noise of repeated runs at its end. */
export function renderPeersReport(results: readonly CellResult[]): string {
  const tables = groupByLoad(results).map((group) => `${group.title}\n\n${renderGroup(group)}`);
  return [...tables, noiseOf(results)].join('\n\n');
}

function renderGroup({ servers }: LoadGroup): string {
  const header = ['server', ...FIGURES.map(([title]) => title), 'kernel', 'stalls', 'lost', 'server core'];
  const rows = servers.map(({ server, runs }) => [
    server,
    ...FIGURES.map(([, key, digits]) => cellText(servers, server, runs, [key, digits])),
    percent(medianOf(runs.map((run) => run.systemSecondsPerGb / run.cpuSecondsPerGb))),
    String(runs.reduce((sum, run) => sum + run.stalls, 0)),
    String(runs.reduce((sum, run) => sum + run.lostFrames, 0)),
    percent(medianOf(runs.map((run) => run.serverCoreShare))),
  ]);
  return renderTable([header, ...rows]);
}

// A figure of ours carries its ratio to the best peer's in brackets.
function cellText(
  servers: readonly ServerRuns[],
  server: string,
  runs: readonly CellResult[],
  [key, digits]: readonly [FigureKey, number],
): string {
  const value = medianOf(runs.map((run) => run[key]));
  if (!Number.isFinite(value)) return '';
  const peers = servers.filter((other) => isPeer(other.server));
  const best = Math.min(...peers.map((peer) => medianOf(peer.runs.map((run) => run[key]))));
  const ratio =
    server.startsWith('headwater') && Number.isFinite(best) ? ` (×${(value / best).toFixed(2)})` : '';
  return `${value.toFixed(digits)}${ratio}`;
}

// How far apart the runs of one server under one load are, of CPU-s/GB.
function noiseOf(results: readonly CellResult[]): string {
  const spreads = groupByLoad(results).flatMap(({ servers }) =>
    servers
      .filter(({ runs }) => runs.length > 1)
      .map(({ runs }) => {
        const values = runs.map((run) => run.cpuSecondsPerGb);
        return (Math.max(...values) - Math.min(...values)) / medianOf(values);
      }),
  );
  if (spreads.length === 0) return 'Noise: not known, each combination ran once.';
  const [middle, most] = [percent(medianOf(spreads)), percent(Math.max(...spreads))];
  return `Noise: repeated runs of CPU-s/GB lie ${middle} apart (median), ${most} at most.`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
