// Deployments: a ReplicaSet for each template, and pods of the newest taking the place of the others.
import { randomBytes } from 'node:crypto';
import type { PodTemplate } from '../chart-workloads.ts';
import { isReady, isServing, isStaying, type Pod, podsIn } from './kube-pod.ts';
import {
  createPod,
  endPod,
  hashOf,
  isOwnedBy,
  ownerOf,
  type StoredWorkload,
  withLabels,
} from './kube-pod-making.ts';
import type { KubeStore, StoredObject } from './kube-store.ts';

/** Takes the next steps for a Deployment. */
export function reconcileDeployment(store: KubeStore, deployment: StoredWorkload): void {
  const { name, namespace } = deployment.metadata;
  const { template } = deployment.spec;
  const hash = hashOf(template);
  const labelled = withLabels(template, { 'pod-template-hash': hash });
  const owned = store.list('ReplicaSet', namespace).filter((set) => isOwnedBy(set, deployment));
  const pods = podsIn(store, namespace).filter((pod) => owned.some((set) => isOwnedBy(pod, set)));
  const set = putReplicaSet(store, deployment, { name: `${name}-${hash}`, template: labelled, pods });
  const isFresh = (pod: Pod): boolean => pod.metadata.labels?.['pod-template-hash'] === hash;
  const fresh = pods.filter((pod) => isFresh(pod) && isStaying(pod));
  const old = pods.filter((pod) => !isFresh(pod) && isStaying(pod));
  const { replicas, surge, spare, isRecreate } = paceOf(deployment);
  // The pods of before have to be gone, processes and all, where two at once are not wanted.
  const isBlocked = isRecreate && pods.some((pod) => !isFresh(pod));
  const room = Math.min(replicas - fresh.length, replicas + surge - fresh.length - old.length);
  for (let made = 0; made < room && !isBlocked; made++) {
    const podName = `${name}-${hash}-${randomBytes(3).toString('hex').slice(0, 5)}`;
    createPod(store, { name: podName, namespace, template: labelled, owner: ownerOf(set) });
  }
  // Those that do not serve anyway go first.
  const leaving = [...old.filter((pod) => !isReady(pod)), ...old.filter(isReady), ...fresh.slice(replicas)];
  let serving = [...old, ...fresh].filter(isServing).length;
  for (const pod of leaving) {
    if (isReady(pod) && --serving < replicas - spare) break;
    endPod(store, pod);
  }
  putStatus(store, deployment, { pods, fresh });
  for (const other of owned) {
    if (other.metadata.uid !== set.metadata.uid && !pods.some((pod) => isOwnedBy(pod, other))) {
      store.remove(other);
    }
  }
}

/** How many there shall be, how many more there may be for a while, and how many may be missing. */
function paceOf({ spec }: StoredWorkload) {
  const { replicas = 1, strategy = {} } = spec;
  if (strategy.type === 'Recreate') return { replicas, surge: 0, spare: replicas, isRecreate: true };
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy.rollingUpdate ?? {};
  const surge = Math.ceil(shareOf(maxSurge, replicas));
  const spare = Math.floor(shareOf(maxUnavailable, replicas));
  return { replicas, surge, spare, isRecreate: false };
}

function putReplicaSet(
  store: KubeStore,
  deployment: StoredWorkload,
  { name, template, pods }: { name: string; template: PodTemplate; pods: readonly Pod[] },
): StoredObject {
  const { namespace } = deployment.metadata;
  const before = store.get('ReplicaSet', namespace, name);
  const readyReplicas = pods.filter(
    (pod) => before !== undefined && isOwnedBy(pod, before) && isServing(pod),
  ).length;
  const { replicas = 1, selector } = deployment.spec;
  return store.put({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: template.metadata.labels,
      ownerReferences: [ownerOf(deployment)],
    },
    spec: { replicas, selector, template },
    status: { replicas, readyReplicas, availableReplicas: readyReplicas, observedGeneration: 1 },
  });
}

function putStatus(
  store: KubeStore,
  deployment: StoredWorkload,
  { pods, fresh }: { pods: readonly Pod[]; fresh: readonly Pod[] },
): void {
  const { replicas = 1 } = deployment.spec;
  const ready = pods.filter(isServing).length;
  const isComplete = pods.length === replicas && fresh.filter(isServing).length === replicas;
  const condition = (type: string, is: boolean, reason: string): object => ({
    type,
    status: is ? 'True' : 'False',
    reason,
  });
  store.put({
    ...deployment,
    status: {
      observedGeneration: deployment.metadata.generation,
      replicas: pods.length,
      updatedReplicas: fresh.length,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, replicas - ready),
      conditions: [
        condition('Available', ready >= replicas, 'MinimumReplicasAvailable'),
        condition('Progressing', true, isComplete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'),
      ],
    },
  });
}

function shareOf(value: number | string, replicas: number): number {
  return typeof value === 'number' ? value : (Number.parseInt(value, 10) / 100) * replicas;
}
