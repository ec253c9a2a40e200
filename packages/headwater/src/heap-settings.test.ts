import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const settings = JSON.stringify(new URL('heap-settings.ts', import.meta.url).href);

/** MiB that the young generation has after much that lived for a moment, in a process of its own. */
function youngMiB(nodeArguments: readonly string[], nodeOptions = ''): number {
  const code = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { applyHeapSettings } from ${settings};
    applyHeapSettings();
    let kept = [];
    for (let made = 0; made < 2_000_000; made++) {
      kept.push({ made });
      if (kept.length > 200_000) kept = [];
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(young.space_size / 1024 / 1024);`;
  const args = [
    ...nodeArguments,
    '--conditions=source',
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    code,
  ];
  const env = { ...process.env, NODE_OPTIONS: nodeOptions };
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8', env, timeout: 20_000 }));
}

describe('the heap of a node that serves viewers', { timeout: 30_000 }, () => {
  it('has a young generation that does not grow', () => {
    expect(youngMiB([])).toBeLessThan(8);
  });

  it.each([
    ['arguments of Node', ['--max-semi-space-size=32'], ''],
    ['NODE_OPTIONS', [], '--max-semi-space-size=32'],
  ])('is left alone where %s size it', (_, nodeArguments, nodeOptions) => {
    expect(youngMiB(nodeArguments, nodeOptions)).toBeGreaterThan(8);
  });
});
