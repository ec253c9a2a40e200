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

/** All metrics that nodes expose: of which kind, and what is said of them. */
const exposed = new Map<string, { kind: string; help: string }>();
/** Most series of one node. */
let mostSeries = 0;

beforeAll(async () => {
  const redis = await startRedis();
  const set = { 'registry.kind': 'redis', 'registry.redis.url': redis.url };
  const start = async (role: NonNullable<HeadwaterOptions['role']>, more = {}) =>
    startHeadwater({ role, set: { ...set, 'node.id': role, ...more } });
  const [origin, edge, controller, router] = await Promise.all([
    start('origin'),
    start('edge', { workers: 2 }),
    start('controller'),
    start('router'),
  ]);
  const publisher = await MediaPublisher.start(origin.rtmpUrl('live/a'));
  await publisher.send(testFrames({ seconds: 2, gopSeconds: 1 }));
  const viewers = watchAll(edge, 'live/a');
  await waitUntil('all see the stream', () => viewers.every(({ frames }) => frames.some(isMedia)));
  for (const node of [origin, edge, controller, router]) {
    const text = await (await fetch(node.adminUrl('/metrics'))).text();
    const described = /^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)/gm;
    for (const [, name = '', help = '', kind = ''] of text.matchAll(described)) {
      exposed.set(name, { kind, help });
    }
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

const ruleFiles = (await readdir(rulesFolder)).filter((name) => name.endsWith('.rules.yaml'));
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
  it('lists what nodes of all roles expose, as they describe it, by name', async () => {
    const page = await readFile(join(root, 'docs/reference/metrics.md'), 'utf8');
    const row = /^\| `(headwater_\w+)` \| (\w+) \| .* \| .* \| (.*) \|$/gm;
    const listed = Array.from(page.matchAll(row), ([, name, kind, help]) => ({ name, kind, help }));
    const own = [...exposed].filter(([name]) => name.startsWith('headwater_'));
    const byName = own.sort(([a], [b]) => (a < b ? -1 : 1));
    expect(listed).toEqual(byName.map(([name, { kind, help }]) => ({ name, kind, help })));
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

  it('fires every alert where its case is given, and none where all is well', async () => {
    const file = join(rulesFolder, 'alerts.test.yaml');
    await runChild({ name: 'promtool', program: 'promtool', args: ['test', 'rules', file] });
    const text = await readFile(file, 'utf8');
    const alerts = rules.flatMap(({ alert }) => alert ?? []);
    expect(alerts.length).toBeGreaterThan(0);
    expect(alerts.filter((alert) => !text.includes(`alertname="${alert}"`))).toEqual([]);
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
