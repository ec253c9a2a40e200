import type { CellResult } from './cell-result.ts';

/** Figures that are compared between servers; for all of them less is better. */
const FIGURES = [
  ['CPU-s/GB', 'cpuSecondsPerGb', 2],
  ['user', 'userSecondsPerGb', 2],
  ['system', 'systemSecondsPerGb', 2],
  ['kB/viewer', 'kilobytesPerViewer', 0],
  ['kB/further', 'kilobytesPerFurtherViewer', 0],
  ['join p50 ms', 'joinP50Ms', 1],
  ['join p99 ms', 'joinP99Ms', 1],
  ['latency p50 ms', 'latencyP50Ms', 1],
  ['latency p99 ms', 'latencyP99Ms', 1],
  ['loop lag p99 ms', 'loopLagP99Ms', 1],
] as const;

/** The middle of some values; NaN for none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** All results as text: medians for each server and format, then ratios of the servers to the peer. */
export function renderReport(results: readonly CellResult[], peer: string): string {
  const groups = groupBy(results, (result) => `${result.format} ${result.server}`);
  const rows = [...groups].map(([name, cells]) => [
    name,
    ...FIGURES.map(([, key, digits]) =>
      withSpread(
        cells.map((cell) => cell[key]),
        digits,
      ),
    ),
    percent(medianOf(cells.map((cell) => cell.deliveredShare))),
    String(cells.reduce((sum, cell) => sum + cell.stalls, 0)),
    String(cells.reduce((sum, cell) => sum + cell.lostFrames + cell.repeatedFrames, 0)),
    percent(medianOf(cells.map((cell) => cell.serverCoreShare))),
    percent(medianOf(cells.map((cell) => cell.generatorCpuShare))),
    percent(medianOf(cells.map((cell) => cell.otherCpuShare))),
  ]);
  const header = [
    'format server',
    ...FIGURES.map(([title]) => title),
    'delivered',
    'stalls',
    'lost+repeated',
    'server core',
    'generator core',
    'others',
  ];
  return [renderTable([header, ...rows]), ...renderRatios(groups, peer)].join('\n\n');
}

/** Ratio of each run to the peer's run of the same pair: its median and its range. */
function renderRatios(groups: ReadonlyMap<string, readonly CellResult[]>, peer: string): string[] {
  const rows: string[][] = [];
  for (const [name, cells] of groups) {
    const format = cells[0]?.format ?? '';
    const peers = groups.get(`${format} ${peer}`);
    if (peers === undefined || peers === cells) continue;
    const ratios = FIGURES.map(([, key]) =>
      withSpread(
        cells.flatMap((cell, index) => {
          const other = peers[index];
          return other === undefined ? [] : [cell[key] / other[key]];
        }),
        2,
      ),
    );
    rows.push([`${name} ÷ ${peer}`, ...ratios]);
  }
  if (rows.length === 0) return [];
  return [renderTable([['ratio', ...FIGURES.map(([title]) => title)], ...rows])];
}

function withSpread(values: readonly number[], digits: number): string {
  const median = medianOf(values);
  if (Number.isNaN(median)) return '';
  const middle = median.toFixed(digits);
  if (values.length < 2) return middle;
  return `${middle} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

/** Columns of equal width, as a Markdown table. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [...lines.slice(0, 1), rule, ...lines.slice(1)].join('\n');
}

/** Items by key, in the order of their first appearance. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
