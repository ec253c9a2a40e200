// CPU seconds per delivered gigabyte as bars, for the README: one group for each load, format and latency class.
import type { CellResult } from './cell-result.ts';
import { groupByLoad, isPeer, type LoadGroup } from './peers-report.ts';
import { medianOf } from './report.ts';

const barHeight = 14;
const groupGap = 22;
const labelWidth = 190;
const plotWidth = 480;
const rowText = 'font-size="11" dominant-baseline="middle"';

/** An SVG picture that reads on light and dark pages. */
export function renderPeersChart(results: readonly CellResult[]): string {
  const groups = groupByLoad(results);
  const most = Math.max(...groups.flatMap((group) => group.servers.map(({ runs }) => costOf(runs))));
  let top = 24;
  const parts: string[] = [];
  for (const group of groups) {
    parts.push(renderGroup(group, top, most));
    top += groupGap + group.servers.length * barHeight;
  }
  const width = labelWidth + plotWidth + 60;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(top)}" font-family="sans-serif">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="8" y="14" font-size="13" font-weight="bold">CPU seconds per delivered gigabyte (less is better)</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function renderGroup({ title, servers }: LoadGroup, top: number, most: number): string {
  const rows = servers.map(({ server, runs }, index) => {
    const cost = costOf(runs);
    const y = top + 14 + index * barHeight;
    const middle = String(y + barHeight / 2);
    const length = ((cost / most) * plotWidth).toFixed(1);
    return [
      `<text x="${String(labelWidth - 6)}" y="${middle}" text-anchor="end" ${rowText}>${server}</text>`,
      `<rect x="${String(labelWidth)}" y="${String(y + 2)}" width="${length}" height="${String(barHeight - 4)}" fill="${colourOf(server)}"/>`,
      `<text x="${String(labelWidth + Number(length) + 4)}" y="${middle}" ${rowText}>${cost.toFixed(2)}</text>`,
    ].join('\n');
  });
  return [`<text x="8" y="${String(top + 8)}" font-size="12">${title}</text>`, ...rows].join('\n');
}

function costOf(runs: readonly CellResult[]): number {
  return medianOf(runs.map((run) => run.cpuSecondsPerGb));
}

function colourOf(server: string): string {
  if (isPeer(server)) return '#9aa5b1';
  return server.startsWith('floor') ? '#d9dee3' : '#2563eb';
}
