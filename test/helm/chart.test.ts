// The chart as it is rendered: by both versions of Helm, for the oldest and the newest Kubernetes, with every set of values.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Container,
  isSelected,
  objectOf,
  type Service,
  servicesOf,
  type Workload,
  workloadsOf,
} from '../support/chart-workloads.ts';
import {
  chartFolder,
  type HelmVersion,
  helmVersions,
  type KubeObject,
  renderChart,
  runHelm,
} from '../support/helm.ts';
import { problemsOf } from '../support/kube-validation.ts';

const kubernetes: Readonly<Record<HelmVersion, string>> = { helm4: '1.35.0', helm3: '1.27.0' };
const ci = join(chartFolder, 'ci');
const sets = (await readdir(ci)).map((name) => name.replace('-values.yaml', ''));
const all = ['default', ...sets].flatMap((set) => helmVersions.map((version) => ({ set, version })));

const rendered = new Map<string, readonly KubeObject[]>();

function valuesOf(set: string): readonly string[] {
  return set === 'default' ? [] : ['--values', join(ci, `${set}-values.yaml`)];
}

function objectsOf(set: string, version: HelmVersion = 'helm4'): readonly KubeObject[] {
  const objects = rendered.get(`${set} ${version}`);
  if (objects === undefined) throw new Error(`${set} was not rendered`);
  return objects;
}

beforeAll(async () => {
  const render = async (version: HelmVersion): Promise<void> => {
    for (const set of ['default', ...sets]) {
      const args = [...valuesOf(set), '--kube-version', kubernetes[version]];
      rendered.set(`${set} ${version}`, await renderChart(version, args));
    }
  };
  await Promise.all(helmVersions.map(async (version) => render(version)));
});

/** What a release may not change of an object that is there. */
function immutablePartsOf(objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
  const workloads = workloadsOf(objects).map(({ kind, metadata, spec }) => [
    `${kind}/${metadata.name}`,
    {
      selector: spec.selector,
      serviceName: spec.serviceName,
      volumeClaimTemplates: spec.volumeClaimTemplates,
      podManagementPolicy: spec.podManagementPolicy,
    },
  ]);
  const services = servicesOf(objects).map(({ metadata, spec }) => [
    `Service/${metadata.name}`,
    { clusterIP: spec.clusterIP },
  ]);
  return JSON.parse(JSON.stringify(Object.fromEntries([...workloads, ...services]))) as Record<
    string,
    unknown
  >;
}

describe.each(helmVersions)('%s', (version) => {
  it('has nothing against the chart', async () => {
    const result = await runHelm(version, ['lint', '--strict', chartFolder, ...valuesOf('ha')]);
    expect(result, result.stdout).toMatchObject({ code: 0 });
  });

  const wrong = [
    { set: 'edge.replica=3', name: /edge/ },
    { set: 'origin.replicas=-1', name: /origin[./]replicas/ },
    { set: 'edge.kind=StatefulSet', name: /edge[./]kind/ },
    { set: 'config.hold=soon', name: /config[./]hold/ },
    { set: 'config.rtmp.prt=1935', name: /config[./]rtmp/ },
    { set: 'config.node.id=x', name: /config/ },
    { set: 'edge.config.relay.bind=127.0.0.1', name: /edge[./]config[./]relay/ },
    { set: 'origin.env.HEADWATER_HOLD=1s', name: /origin[./]env/ },
    { set: 'configFromSecrets.hold.name=x', name: /configFromSecrets/ },
    { set: 'zones[0].name=Not_A_Name', name: /zones[./]0[./]name/ },
    { set: 'config.registry.redis.url=redis://elsewhere', name: /config\.registry\.redis/ },
    { set: 'valkey.enabled=false', name: /config\.registry\.redis/ },
    { set: 'monitoring.serviceMonitor=true', name: /networkPolicy\.adminFrom/ },
    { set: 'edge.kind=DaemonSet,edge.autoscaling.kind=hpa', name: /edge\.autoscaling\.kind/ },
    {
      set: 'edge.autoscaling.kind=keda,edge.autoscaling.maxReplicas=1',
      name: /edge\.autoscaling\.maxReplicas/,
    },
  ];

  // What is checked by templates is checked by the same ones in both.
  const tried = version === 'helm4' ? wrong : wrong.slice(0, 5);

  it.each(tried)('names the value that is wrong: $set', async ({ set, name }) => {
    const result = await runHelm(version, ['template', 'live', chartFolder, '--set', set]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(name);
  });
});

it('both versions of Helm make the same of it', async () => {
  const args = [...valuesOf('ha'), '--kube-version', kubernetes.helm4];
  expect(await renderChart('helm3', args)).toEqual(objectsOf('ha', 'helm4'));
});

describe.each(all)('$set by $version', ({ set, version }) => {
  it('is what Kubernetes takes, without unknown fields, and each object once', async () => {
    const objects = objectsOf(set, version);
    const problems = await Promise.all(objects.map(async (object) => problemsOf(object)));
    expect(problems.flat()).toEqual([]);
    const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('refers to nothing that is not there', () => {
    const objects = objectsOf(set, version);
    for (const workload of workloadsOf(objects)) expectReferencesFound(workload, objects);
    for (const service of servicesOf(objects)) expectPodsBehind(service, objects);
    for (const object of objects) {
      const target = (object['spec'] as { scaleTargetRef?: { name: string } } | undefined)?.scaleTargetRef;
      if (target !== undefined) objectOf(objects, 'Deployment', target.name);
    }
  });

  it('gives pods no right that they do not need', () => {
    for (const { metadata, spec } of workloadsOf(objectsOf(set, version))) {
      const pod = spec.template.spec;
      expect(pod.automountServiceAccountToken, metadata.name).toBe(false);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const { securityContext } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  it('asks for liveness where nobody else is needed for the answer, and gives a stop its time', () => {
    for (const { spec } of workloadsOf(objectsOf(set, version))) {
      const [container] = spec.template.spec.containers;
      if (container?.name !== 'headwater') continue;
      expect(container.startupProbe?.httpGet).toEqual({ path: '/healthz', port: 'admin' });
      expect(container.livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'admin' });
      expect(container.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'admin' });
      const stop = ['HEADWATER_NODE_DRAIN_DEADLINE', 'HEADWATER_NODE_STOP_DEADLINE']
        .map((name) => Number.parseInt(envValue(container, name), 10))
        .reduce((sum, seconds) => sum + seconds, pauseOf(container));
      expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(stop);
    }
  });

  it('puts no secret where everybody can read it', () => {
    const text = JSON.stringify(objectsOf(set, version).filter(({ kind }) => kind !== 'Secret'));
    expect(text).not.toMatch(/first-key|third-key|user:password/);
  });
});

function expectReferencesFound({ spec }: Workload, objects: readonly KubeObject[]): void {
  const { metadata, spec: pod } = spec.template;
  expect(isSelected(metadata.labels, spec.selector.matchLabels)).toBe(true);
  for (const { name, configMap } of pod.volumes ?? []) {
    // The bundle is the operator's own.
    if (configMap !== undefined && name !== 'ca') objectOf(objects, 'ConfigMap', configMap.name);
  }
  for (const { secretRef } of pod.containers.flatMap(({ envFrom = [] }) => envFrom)) {
    objectOf(objects, 'Secret', secretRef?.name ?? '');
  }
  if (spec.serviceName !== undefined) objectOf(objects, 'Service', spec.serviceName);
}

function expectPodsBehind({ metadata, spec }: Service, objects: readonly KubeObject[]): void {
  const behind = workloadsOf(objects)
    .map((workload) => workload.spec.template)
    .filter(({ metadata: { labels } }) => isSelected(labels, spec.selector));
  expect(behind, metadata.name).not.toEqual([]);
  for (const { spec: pod } of behind) {
    const ports = pod.containers.flatMap((container) => container.ports ?? []).map(({ name }) => name);
    expect(ports).toEqual(expect.arrayContaining(spec.ports.map(({ targetPort }) => targetPort)));
  }
}

function envValue(container: Container, name: string): string {
  return container.env?.find((variable) => variable.name === name)?.value ?? '';
}

/** The seconds that a pod goes on before it is told to end. */
function pauseOf({ lifecycle }: Container): number {
  const { sleep, exec } = lifecycle?.preStop ?? {};
  return sleep?.seconds ?? Number(/, (\d+)\)/.exec(exec?.command.join(' ') ?? '')?.[1]) / 1000;
}

it('an upgrade keeps what cannot be changed', async () => {
  const file = join(import.meta.dirname, 'immutable-parts.json');
  const before = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, unknown>>;
  expect(Object.keys(before).sort()).toEqual(['default', ...sets].sort());
  for (const [set, parts] of Object.entries(before)) {
    const now = immutablePartsOf(objectsOf(set));
    // New objects are fine, and so are those that are gone.
    for (const [name, value] of Object.entries(parts)) expect(now[name] ?? value, name).toEqual(value);
    expect(Object.keys(parts).filter((name) => name in now)).not.toEqual([]);
  }
});

it('no value and no version is part of what pods are selected by', async () => {
  const changed = await renderChart('helm4', [
    ...['--set', 'commonLabels.team=x', '--set', 'image.tag=9.9.9', '--set', 'origin.podAnnotations.a=b'],
  ]);
  expect(immutablePartsOf(changed)).toEqual(immutablePartsOf(objectsOf('default')));
});

it('traffic within the cluster stays in its zone, in the words of the version of Kubernetes', () => {
  const words = (version: HelmVersion) =>
    servicesOf(objectsOf('default', version)).find(({ metadata }) => metadata.name.endsWith('-edge'))?.spec
      .trafficDistribution;
  expect([words('helm4'), words('helm3')]).toEqual(['PreferSameZone', undefined]);
});

it('TCPRoute is asked for in the version that the cluster has', async () => {
  const args = ['--set', 'gateway.publish[0].name=public'];
  const versionOf = async (more: readonly string[]) => {
    const objects = await renderChart('helm4', [...args, ...more]);
    const route = objectOf(objects, 'TCPRoute', 'live-headwater-publish');
    expect(await problemsOf(route)).toEqual([]);
    return route.apiVersion;
  };
  expect(await versionOf([])).toBe('gateway.networking.k8s.io/v1alpha2');
  expect(await versionOf(['--api-versions', 'gateway.networking.k8s.io/v1/TCPRoute'])).toBe(
    'gateway.networking.k8s.io/v1',
  );
});

it('the ports of a machine are for viewers: other nodes reach the relay at the pod', () => {
  const hostPortsOf = (set: string) =>
    workloadsOf(objectsOf(set)).flatMap(({ spec }) => {
      const [container] = spec.template.spec.containers;
      const names = container?.ports
        ?.filter(({ hostPort }) => hostPort !== undefined)
        .map(({ name }) => name);
      const relay = container?.env?.find(({ name }) => name === 'HEADWATER_RELAY_ADVERTISE');
      return names?.length === 0 ? [] : [{ names, relay: relay?.valueFrom?.fieldRef?.fieldPath }];
    });
  const viewers = { names: ['rtmp', 'http'], relay: 'status.podIP' };
  expect(hostPortsOf('multi-zone')).toEqual([viewers, viewers, viewers]);
  expect(hostPortsOf('external-redis')).toEqual([viewers]);
  expect(hostPortsOf('ha')).toEqual([]);
});

it.each(['default', ...sets])('with %s each pod may be evicted when its turn comes', (set) => {
  const objects = objectsOf(set);
  const budgets = objects.filter(
    ({ kind }) => kind === 'PodDisruptionBudget',
  ) as unknown as readonly Service[];
  const covered = workloadsOf(objects).flatMap(({ kind, metadata, spec }) => {
    const { labels } = spec.template.metadata;
    const selectorOf = (budget: Service) =>
      (budget.spec.selector as unknown as { matchLabels: Record<string, string> }).matchLabels;
    const is = budgets.some((budget) => isSelected(labels, selectorOf(budget)));
    return [{ name: metadata.name, kind, is }];
  });
  // The one Valkey has no other to wait for, and of DaemonSets Kubernetes does not know how many pods are wanted.
  for (const { name, kind, is } of covered) {
    expect(is, name).toBe(kind !== 'DaemonSet' && !name.endsWith('-valkey'));
  }
});

it('the registry does not wait for a machine that is gone', () => {
  const valkey = workloadsOf(objectsOf('default')).find(({ metadata }) => metadata.name.endsWith('-valkey'));
  const tolerations = valkey?.spec.template.spec.tolerations ?? [];
  expect(tolerations.map(({ key }) => key)).toEqual([
    'node.kubernetes.io/not-ready',
    'node.kubernetes.io/unreachable',
  ]);
  for (const { effect, tolerationSeconds } of tolerations) {
    expect(effect).toBe('NoExecute');
    expect(tolerationSeconds).toBeLessThan(60);
  }
});

it('pods of a Deployment are spread without those of before', () => {
  for (const { kind, metadata, spec } of workloadsOf(objectsOf('external-redis'))) {
    for (const { matchLabelKeys } of spec.template.spec.topologySpreadConstraints ?? []) {
      const wanted = kind === 'Deployment' ? ['pod-template-hash'] : undefined;
      expect(matchLabelKeys, metadata.name).toEqual(wanted);
    }
  }
});

it('zones from the labels of nodes need a Kubernetes that has them on pods', async () => {
  const args = ['--set', 'zoneFromNode=true', '--kube-version'];
  const [origin] = workloadsOf(await renderChart('helm4', [...args, '1.35.0'])) as [Workload];
  const env = origin.spec.template.spec.containers[0]?.env ?? [];
  expect(env.find(({ name }) => name === 'HEADWATER_NODE_ZONE')?.valueFrom?.fieldRef?.fieldPath).toBe(
    "metadata.labels['topology.kubernetes.io/zone']",
  );
  await expect(renderChart('helm4', [...args, '1.34.0'])).rejects.toThrow('zoneFromNode');
});
