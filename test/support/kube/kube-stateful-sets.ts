// StatefulSets: pods with a number each, all made at once, replaced one by one.
import { isServing, isStaying, type Pod, podsIn } from './kube-pod.ts';
import {
  createPod,
  endPod,
  hashOf,
  isOwnedBy,
  ownerOf,
  type StoredWorkload,
  withLabels,
} from './kube-pod-making.ts';
import type { KubeStore } from './kube-store.ts';

/** Takes the next steps for a StatefulSet. */
export function reconcileStatefulSet(store: KubeStore, set: StoredWorkload): void {
  const { replicas = 1, template } = set.spec;
  const { name, namespace, generation } = set.metadata;
  const revision = `${name}-${hashOf(template)}`;
  const pods = podsIn(store, namespace).filter((pod) => isOwnedBy(pod, set));
  const podAt = (ordinal: number): Pod | undefined =>
    pods.find(({ metadata }) => metadata.name === `${name}-${ordinal}`);
  const isFresh = ({ metadata }: Pod): boolean => metadata.labels?.['controller-revision-hash'] === revision;
  for (let ordinal = 0; ordinal < replicas; ordinal++) {
    if (podAt(ordinal) !== undefined) continue;
    const podName = `${name}-${ordinal}`;
    const labels = { 'controller-revision-hash': revision, 'statefulset.kubernetes.io/pod-name': podName };
    createPod(store, {
      name: podName,
      namespace,
      template: withLabels(template, labels),
      owner: ownerOf(set),
    });
  }
  for (const pod of pods) if (ordinalOf(pod) >= replicas) endPod(store, pod);
  // One at a time, the last first, and only while all others serve.
  const outdated = pods.filter((pod) => !isFresh(pod)).sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const [next] = outdated;
  const others = pods.filter((pod) => pod !== next);
  if (next !== undefined && others.length === replicas - 1 && others.every(isServing)) endPod(store, next);
  const fresh = pods.filter((pod) => isFresh(pod) && isStaying(pod)).length;
  const ready = pods.filter(isServing).length;
  const isComplete = fresh === replicas && pods.length === replicas;
  const before = (set.status as { currentRevision?: string } | undefined)?.currentRevision;
  store.put({
    ...set,
    status: {
      observedGeneration: generation,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      currentReplicas: isComplete ? replicas : pods.length - fresh,
      updatedReplicas: fresh,
      currentRevision: isComplete ? revision : (before ?? revision),
      updateRevision: revision,
    },
  });
}

function ordinalOf({ metadata }: Pod): number {
  return Number(metadata.name.slice(metadata.name.lastIndexOf('-') + 1));
}
