// The chart installed by Helm on a small Kubernetes that really runs its pods: a stream goes from the one address for
// publishers to a viewer, who watches on while every pod is replaced.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chartFolder, type HelmVersion, runHelm } from '../support/helm.ts';
import { MiniKubernetes } from '../support/kube/mini-kubernetes.ts';
import { ReturningPublisher } from '../support/returning-publisher.ts';
import { ReturningViewer } from '../support/returning-viewer.ts';
import { waitUntil } from '../support/wait-until.ts';

const timeoutMs = 180_000;
const values = join(import.meta.dirname, 'live-values.yaml');
const edges = 2;
const roles = ['origin', 'edge', 'router', 'controller'];

async function helm(
  version: HelmVersion,
  kubernetes: MiniKubernetes,
  args: readonly string[],
): Promise<string> {
  const result = await runHelm(version, [...args, '--namespace', 'tv'], kubernetes.env);
  if (result.code !== 0) throw new Error(`helm ${args.join(' ')}: ${result.stderr}\n${kubernetes.report()}`);
  return result.stdout;
}

async function install(version: HelmVersion, kubernetes: MiniKubernetes): Promise<void> {
  const args = ['install', 'live', chartFolder, '--values', values, '--create-namespace'];
  const notes = await helm(version, kubernetes, [...args, ...waiting]);
  expect(notes).toContain('publish    rtmp://');
}

const waiting = ['--wait', '--timeout', '90s'];

function uidsOf(kubernetes: MiniKubernetes, role: string): readonly string[] {
  return kubernetes.podsOf(role).map(({ metadata }) => metadata.uid);
}

async function uninstall(version: HelmVersion, kubernetes: MiniKubernetes): Promise<void> {
  await helm(version, kubernetes, ['uninstall', 'live', ...waiting]);
  await waitUntil('no pod is left', () => kubernetes.store.list('Pod').length === 0, { timeoutMs: 30_000 });
  expect(kubernetes.running).toBe(0);
  expect(kubernetes.store.list('Service')).toEqual([]);
}

describe('a release', () => {
  it(
    'streams from its install on, while an upgrade and a rollback replace every pod, and leaves nothing behind',
    async () => {
      const kubernetes = await MiniKubernetes.start();
      await install('helm4', kubernetes);
      const publisher = ReturningPublisher.start(
        `rtmp://${kubernetes.addressOf('live-headwater-publish', 'rtmp')}/live/cam1`,
      );
      const watched = `http://${kubernetes.addressOf('live-headwater-router', 'http')}/live/cam1.flv`;
      const viewer = ReturningViewer.start(watched);
      await viewer.untilMoreVideo(25);
      await helm('helm4', kubernetes, ['test', 'live', '--timeout', '60s']);

      const before = roles.map((role) => uidsOf(kubernetes, role));
      const registry = uidsOf(kubernetes, 'valkey');
      const changes = [
        ['upgrade', 'live', chartFolder, '--values', values, '--set', 'config.hold=20s'],
        ['rollback', 'live', '1'],
      ];
      for (const change of changes) {
        const cutsBefore = viewer.cuts;
        await helm('helm4', kubernetes, [...change, ...waiting]);
        await waitUntil('old pods are gone', () => kubernetes.podsOf('edge').length === edges, {
          timeoutMs: 30_000,
        }).catch((cause: unknown) => {
          throw new Error(`${change.join(' ')}: ${kubernetes.report()}`, { cause });
        });
        await viewer.untilMoreVideo(50);
        // Once for each edge that it was on: it came back each time at the first try.
        expect(viewer.cuts - cutsBefore, viewer.describe()).toBeLessThanOrEqual(edges);
        expect(viewer.refusals, viewer.describe()).toEqual([]);
      }
      for (const [index, role] of roles.entries()) {
        const now = uidsOf(kubernetes, role);
        expect(now, role).toHaveLength(before[index]?.length ?? 0);
        expect(now.filter((uid) => before[index]?.includes(uid))).toEqual([]);
      }
      // What did not change was left alone.
      expect(uidsOf(kubernetes, 'valkey')).toEqual(registry);
      expect(kubernetes.restarts).toBe(0);
      publisher.stop();
      viewer.stop();
      await uninstall('helm4', kubernetes);
    },
    timeoutMs,
  );

  it(
    'is installed, changed and removed by Helm 3 as well',
    async () => {
      const kubernetes = await MiniKubernetes.start();
      await install('helm3', kubernetes);
      await helm('helm3', kubernetes, ['test', 'live', '--timeout', '60s']);
      const before = uidsOf(kubernetes, 'controller');
      const change = ['--reuse-values', '--set', 'controller.env.A=b', '--set', 'controller.replicas=2'];
      await helm('helm3', kubernetes, ['upgrade', 'live', chartFolder, ...change, ...waiting]);
      const now = uidsOf(kubernetes, 'controller').filter((uid) => !before.includes(uid));
      expect(now).toHaveLength(2);
      await uninstall('helm3', kubernetes);
    },
    timeoutMs,
  );
});
