import { groupBy, medianOf, renderTable } from '../report.ts';
import type { IngestResult } from './ingest-result.ts';

const FIGURES = [
  ['% core/publisher', (result) => result.coreSharePerPublisher * 100, 3],
  ['user', (result) => result.userSharePerPublisher * 100, 3],
  ['system', (result) => result.systemSharePerPublisher * 100, 3],
  ['µs/message', (result) => result.microsecondsPerMessage, 1],
  ['kB/publisher', (result) => result.kilobytesPerPublisher, 0],
  ['% server core', (result) => result.serverCoreShare * 100, 0],
  ['% busiest process', (result) => result.busiestCoreShare * 100, 0],
  ['% generator core', (result) => result.generatorCpuShare * 100, 0],
  ['% others', (result) => result.otherCpuShare * 100, 0],
] as const satisfies readonly (readonly [string, (result: IngestResult) => number, number])[];

/** The median of each figure for each server, with the range of repeated runs in brackets. */
export function renderIngestReport(results: readonly IngestResult[]): string {
  const rows = [...groupBy(results, (result) => result.server)].map(([server, runs]) => [
    server,
    ...FIGURES.map(([, valueOf, digits]) => withSpread(runs.map(valueOf), digits)),
  ]);
  return renderTable([['server', ...FIGURES.map(([title]) => title)], ...rows]);
}

function withSpread(values: readonly number[], digits: number): string {
  const middle = medianOf(values).toFixed(digits);
  if (values.length < 2) return middle;
  return `${middle} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}
