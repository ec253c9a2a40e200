// What those that make pods have in common.
import { createHash } from 'node:crypto';
import type { PodTemplate, Workload } from '../chart-workloads.ts';
import { isStaying, type Pod } from './kube-pod.ts';
import type { KubeStore, OwnerReference, SentObject, StoredObject } from './kube-store.ts';

/** A Deployment, ReplicaSet or StatefulSet as it is kept. */
export type StoredWorkload = StoredObject & {
  readonly spec: Workload['spec'] & {
    readonly strategy?: {
      readonly type?: string;
      readonly rollingUpdate?: {
        readonly maxSurge?: number | string;
        readonly maxUnavailable?: number | string;
      };
    };
  };
};

/** Makes a pod; the kubelet starts it. */
export function createPod(
  store: KubeStore,
  pod: { name: string; namespace: string | undefined; template: PodTemplate; owner: OwnerReference },
): void {
  const { name, namespace, template, owner } = pod;
  const sent: SentObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template.metadata,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [owner],
    },
    spec: template.spec,
  };
  store.put(sent);
}

/** Has a pod end; it goes when it has. */
export function endPod(store: KubeStore, pod: Pod): void {
  if (!isStaying(pod)) return;
  const deletionTimestamp = new Date().toISOString();
  store.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } });
}

/** A reference that says whose something is. */
export function ownerOf({ apiVersion, kind, metadata }: StoredObject): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
}

/** True when it belongs to that owner. */
export function isOwnedBy(object: StoredObject, owner: StoredObject): boolean {
  return object.metadata.ownerReferences?.[0]?.uid === owner.metadata.uid;
}

/** A template with more labels. */
export function withLabels(template: PodTemplate, labels: Readonly<Record<string, string>>): PodTemplate {
  const { metadata } = template;
  return { ...template, metadata: { ...metadata, labels: { ...metadata.labels, ...labels } } };
}

/** Changes when the template does. */
export function hashOf(template: PodTemplate): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 9);
}
