// Very many streams, and one origin less: what the registry, the origins and the viewers make of it. The figures of a quiet
// machine are in docs/benchmarks.md.
import { expect, it } from 'vitest';
import { manyStreamsFigures, renderManyStreams, runManyStreams } from '../bench/failover/many-streams.ts';
import { renderFigures } from '../bench/failover/figures.ts';

const streams = 800;
const viewers = 100;
// Bounds of correctness on a busy machine, no measurements.
const reassignedMs = 40_000;
const slackPerSecond = 30;

it(
  'all streams of a killed origin find another one, and viewers cost Redis nothing',
  { timeout: 240_000 },
  async () => {
    const report = await runManyStreams({
      streams,
      audiences: [0, viewers],
      loadSeconds: 2,
      holdSeconds: 60,
      timeoutMs: reassignedMs,
    });
    process.stdout.write(`${renderFigures(manyStreamsFigures(report))}\n\n${renderManyStreams(report)}\n`);
    expect(report.hitStreams).toBeGreaterThan(streams / 8);
    expect(report.reassignedMs).toHaveLength(report.hitStreams);
    expect(Math.max(...report.reassignedMs)).toBeLessThan(reassignedMs);
    expect(report).toMatchObject({ viewers, viewerDisconnects: 0 });
    const [alone, watched] = report.idleLoads.map(({ requestsPerSecond }) => requestsPerSecond);
    expect(watched).toBeLessThan((alone ?? 0) + slackPerSecond);
  },
);
