import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseBenchOptions } from '../bench/bench-options.ts';
import type { CellResult } from '../bench/cell-result.ts';
import { runCell } from '../bench/run-cell.ts';
import { loopLagProbe, readLoopLagMs } from '../bench/measure/loop-lag.ts';
import type { Contender } from '../bench/servers/contender.ts';
import { contender } from '../bench/servers/contenders.ts';
import { withServer } from '../bench/servers/with-server.ts';
import type { ViewerFormat } from '../bench/load/viewer.ts';
import { waitUntil } from '../support/wait-until.ts';

async function run(server: string, format: ViewerFormat, ...args: string[]): Promise<CellResult> {
  const options = parseBenchOptions(['--viewers', '8', '--seconds', '2', ...args]);
  if (options === undefined) throw new Error('no options');
  return await runCell({
    contender: contender(server),
    format,
    options,
    cores: { server: undefined, load: undefined },
  });
}

function expectSound(result: CellResult): void {
  expect(result).toMatchObject({ joined: 8, failures: {}, lostFrames: 0, repeatedFrames: 0, disconnects: 0 });
  expect(result.countDifference).toBeLessThan(0.05);
  expect(result.deliveredBytes).toBeGreaterThan(1_000_000);
  expect(result.joinP99Ms).toBeGreaterThan(0);
  expect(result.latencyP50Ms).toBeGreaterThan(0);
  expect(result.loopLagP99Ms).toBeGreaterThanOrEqual(0);
}

describe.concurrent('a bench run', () => {
  it.each(['rtmp', 'flv'] as const)(
    'counts every frame that node-media-server sends as %s',
    async (format) => {
      expectSound(await run('node-media-server', format));
    },
  );

  it('adds up what two viewer processes saw of the floor', async () => {
    expectSound(await run('floor-frame', 'flv', '--generators', '2'));
  });

  it('has an edge of Headwater pull the stream from an origin aside', async () => {
    expectSound(await run('headwater-edge-low', 'flv'));
  });

  it('measures the event loop of the server, and not of what runs aside', async () => {
    const probed: Contender = {
      name: 'probed',
      formats: [],
      query: '',
      latencyClass: () => 'each frame',
      unavailable: () => undefined,
      start: async ({ launch, launchAside }) => {
        const args = [...loopLagProbe, '-e', 'setInterval(() => undefined, 1_000)'];
        const options = { title: 'probed', command: process.execPath, args };
        launchAside(options);
        return Promise.resolve({ process: launch(options), ports: {}, needsPublisher: false });
      },
    };
    const plan = { contender: probed, rate: '1m' as const, cores: { server: undefined, load: undefined } };
    await withServer(plan, async ({ server, directory }) => {
      const probes = (recursive: boolean): string[] =>
        readdirSync(directory, { recursive, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
      await waitUntil('both have their probe', () => probes(true).length === 2);
      expect(probes(false)).toEqual([`loop-lag-${server.process.pid}.json`]);
      expect(await readLoopLagMs(directory)).toBeGreaterThanOrEqual(0);
    });
  });
});
