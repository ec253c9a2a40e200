// What nodes of each role expose, against what is said about it: the list of metrics, the rules and alerts, the dashboard.
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { testFrames } from '@headwater/media/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runChild } from '../support/child.ts';
import { startHeadwater, type HeadwaterOptions } from '../support/headwater.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { watchAll } from '../support/media-viewers.ts';
import { startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const root = resolve(import.meta.dirname, '../..');
const rulesFolder = join(root, 'deploy/prometheus');

/** The names of all metrics, of the text that follows `# TYPE`. */
const exposed = new Set<string>();
/** Most series of one node. */
let mostSeries = 0;

beforeAll(async () => {
  const redis = await startRedis();
  const set = { 'registry.kind': 'redis', 'registry.redis.url': redis.url };
  const start = async (role: NonNullable<HeadwaterOptions['role']>, more = {}) =>
    startHeadwater({ role, set: { ...set, 'node.id': role, ...more } });
  const [origin, edge, controller] = await Promise.all([
    start('origin'),
    start('edge', { workers: 2 }),
    start('controller'),
  ]);
  const publisher = await MediaPublisher.start(origin.rtmpUrl('live/a'));
  await publisher.send(testFrames({ seconds: 2, gopSeconds: 1 }));
  const viewers = watchAll(edge, 'live/a');
  await waitUntil('all see the stream', () => viewers.every(({ frames }) => frames.some(isMedia)));
  for (const node of [origin, edge, controller]) {
    const text = await (await fetch(node.adminUrl('/metrics'))).text();
    for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) exposed.add(name);
    mostSeries = Math.max(mostSeries, (text.match(/^[a-z]/gm) ?? []).length);
  }
}, 60_000);

/** The metrics that a query names; series of histograms by the histogram's name, recorded ones left out. */
function metricsOf(expression: string): string[] {
  const names = expression.match(/\b(?:headwater|process|nodejs)_[a-z0-9_]+\b(?!:)/g) ?? [];
  return names.map((name) => name.replace(/_(bucket|count|sum)$/, ''));
}

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[];
  }[];
}

const ruleFiles = await readdir(rulesFolder);
const rules = (
  await Promise.all(
    ruleFiles.map(async (name) => parse(await readFile(join(rulesFolder, name), 'utf8')) as RuleFile),
  )
).flatMap(({ groups }) => groups.flatMap((group) => group.rules));

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { expr: string }[] }[];
}
const dashboard = JSON.parse(
  await readFile(join(root, 'deploy/grafana/headwater.json'), 'utf8'),
) as Dashboard;

describe('docs/reference/metrics.md', () => {
  it('lists what nodes expose', async () => {
    const page = await readFile(join(root, 'docs/reference/metrics.md'), 'utf8');
    const listed = Array.from(page.matchAll(/^\| `(headwater_\w+)`/gm), ([, name = '']) => name);
    expect([...exposed].filter((name) => name.startsWith('headwater_') && !listed.includes(name))).toEqual(
      [],
    );
    // No router is started here.
    expect(listed.filter((name) => !exposed.has(name) && !name.startsWith('headwater_router_'))).toEqual([]);
  });

  it('promises fewer series than it says', () => {
    expect(mostSeries).toBeGreaterThan(50);
    expect(mostSeries).toBeLessThan(1_000);
  });
});

describe('deploy/prometheus', () => {
  it('is accepted by promtool', async () => {
    const args = ['check', 'rules', ...ruleFiles.map((name) => join(rulesFolder, name))];
    await runChild({ name: 'promtool', program: 'promtool', args });
  });

  it.each(rules.map(({ record, alert, expr }) => [record ?? alert ?? '', expr]))(
    '%s names metrics that there are',
    (_, expr) => {
      expect(metricsOf(expr).filter((name) => !exposed.has(name))).toEqual([]);
      const recorded = rules.map(({ record }) => record);
      const used = expr.match(/\bheadwater:[a-z0-9_:]+/g) ?? [];
      expect(used.filter((name) => !recorded.includes(name))).toEqual([]);
      expect(metricsOf(expr).length + used.length).toBeGreaterThan(0);
    },
  );
});

describe('deploy/grafana/headwater.json', () => {
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  );
  it.each(queries)('%s: %s', (_, expr) => {
    const names = metricsOf(expr);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !exposed.has(name))).toEqual([]);
  });
});
