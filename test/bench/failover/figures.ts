import { renderTable } from '../report.ts';

/** One row of a table of times: what was measured, and each time that it was. */
export interface Figure {
  readonly title: string;
  readonly valuesMs: readonly number[];
  /** What 95 % of the values must not exceed to be called good; left out where nothing is demanded. */
  readonly targetMs?: number;
}

/** The smallest value that `share` (0–1) of the values do not exceed; NaN for none. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The table of some figures, with median, 95th percentile and maximum of each. */
export function renderFigures(figures: readonly Figure[]): string {
  const rows = figures.map(({ title, valuesMs, targetMs }) => [
    title,
    String(valuesMs.length),
    whole(quantileOf(valuesMs, 0.5)),
    whole(quantileOf(valuesMs, 0.95)),
    whole(quantileOf(valuesMs, 1)),
    targetMs === undefined ? '' : `≤ ${String(targetMs)}`,
  ]);
  return renderTable([['ms', 'n', 'p50', 'p95', 'max', 'target (p95)'], ...rows]);
}

function whole(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(0);
}
