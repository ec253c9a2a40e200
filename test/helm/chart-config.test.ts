// What pods of the chart are started with is a configuration that the program takes.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { configKeys } from '@headwater/contracts';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Workload, workloadsOf } from '../support/chart-workloads.ts';
import { runHeadwater } from '../support/headwater.ts';
import { chartFolder, type KubeObject, renderChart } from '../support/helm.ts';
import { containerStart, type ContainerStart } from '../support/kube/kube-container.ts';
import type { Pod } from '../support/kube/kube-pod.ts';
import { KubeStore } from '../support/kube/kube-store.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ci = join(chartFolder, 'ci');
const sets = await readdir(ci);

/** The operator's own Secrets and ConfigMaps, which are there before the release. */
const existing: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  redis: { password: 'secret' },
  'live-secrets': { redis: 'secret', consul: '6f1c3a52-0000-4000-8000-000000000000' },
};

function storeOf(objects: readonly KubeObject[]): KubeStore {
  const store = new KubeStore();
  for (const object of objects) {
    const { kind, metadata } = object;
    if (kind === 'ConfigMap' || kind === 'Secret') {
      store.put({ ...object, metadata: { ...metadata, namespace: 'tv' } });
    }
  }
  for (const [name, stringData] of Object.entries(existing)) {
    store.put({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'tv' }, stringData });
  }
  store.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'redis-ca', namespace: 'tv' } });
  return store;
}

/** What the container of a workload's first pod is started with. */
async function startOf(store: KubeStore, { metadata, spec }: Workload): Promise<ContainerStart> {
  const { template } = spec;
  const podMetadata = { ...template.metadata, name: `${metadata.name}-0`, namespace: 'tv' };
  const pod = store.put({ apiVersion: 'v1', kind: 'Pod', metadata: podMetadata, spec: template.spec }) as Pod;
  const [container] = template.spec.containers;
  if (container === undefined) throw new Error(`${metadata.name} has no container`);
  const place = { podIP: '10.0.0.7', hostIP: '192.0.2.7', folder: await tempFolder() };
  return containerStart(store, pod, { container, place });
}

it.each(sets)('with %s', async (set) => {
  const objects = await renderChart('helm4', ['--values', join(ci, set)]);
  const store = storeOf(objects);
  const seen = new Set<string>();
  for (const workload of workloadsOf(objects)) {
    const { args, env } = await startOf(store, workload);
    const [role = '', ...options] = args;
    // One of each role: pods of two zones differ in the zone. Controllers read nothing of their own.
    if (!['origin', 'edge', 'router'].includes(role) || seen.has(role)) continue;
    seen.add(role);
    const { code, stdout, stderr } = await runHeadwater(['config', 'print', ...options], env);
    expect(code, stderr).toBe(0);
    const config = parse(stdout) as Readonly<Record<'node' | 'registry' | 'relay', Record<string, string>>>;
    expect(config).toMatchObject({
      node: { id: `${workload.metadata.name}-0` },
      registry: { kind: 'redis' },
    });
    expect(config.node['address']).toMatch(/^(10\.0\.0\.7|192\.0\.2\.7)$/);
    // Other nodes come to the pod, whoever comes to the machine.
    expect(config.relay['advertise'] ?? config.node['address']).toBe('10.0.0.7');
    const known = configKeys.map(({ envName }) => envName);
    const given = Object.keys(env).filter((name) => name.startsWith('HEADWATER_'));
    expect(given.filter((name) => !known.includes(name))).toEqual([]);
  }
  expect([...seen]).toEqual(expect.arrayContaining(['edge', 'origin']));
});
