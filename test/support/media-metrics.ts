// Reads a running node's metrics.
import type { RunningHeadwater } from './headwater.ts';

/** The value of one series, e.g. `headwater_viewers` with `{ protocol: 'rtmp' }`; 0 where there is none yet. */
export async function metricOf(
  node: RunningHeadwater,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const response = await fetch(node.adminUrl('/metrics'));
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const line of (await response.text()).split('\n')) {
    const [, series, shown = '', value] = /^([a-z_]+)(?:\{(.*)\})? ([^ ]+)$/.exec(line) ?? [];
    if (series === name && wanted.every((label) => shown.split(',').includes(label))) return Number(value);
  }
  return 0;
}
