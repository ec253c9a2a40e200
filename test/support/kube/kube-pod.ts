import type { PodSpec } from '../chart-workloads.ts';
import type { KubeStore, StoredObject } from './kube-store.ts';

/** What is known of a pod's being. */
export interface PodStatus {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly podIP: string;
  readonly hostIP: string;
  readonly conditions: readonly { readonly type: string; readonly status: 'True' | 'False' }[];
  readonly containerStatuses?: readonly { readonly name: string; readonly restartCount: number }[];
}

/** A pod as it is kept. */
export interface Pod extends StoredObject {
  readonly spec: PodSpec & { readonly restartPolicy?: string };
  readonly status?: PodStatus;
}

/** True when others may be sent to it: it says that it is ready, and is not to end. */
export function isServing(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && isReady(pod);
}

/** True when its last answer was that it is ready. */
export function isReady({ status }: Pod): boolean {
  return status?.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

/** True when it is not to end. */
export function isStaying({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp === undefined;
}

/** All pods, in all namespaces unless one is named. */
export function podsIn(store: KubeStore, namespace?: string): readonly Pod[] {
  return store.list('Pod', namespace) as readonly Pod[];
}
