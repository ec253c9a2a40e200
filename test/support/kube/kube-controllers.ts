// What makes pods of Deployments and StatefulSets, and has them replaced when their template changes, as the controllers of
// Kubernetes do: each looks at what there is and takes the next steps that are allowed.
import { reconcileDeployment } from './kube-deployments.ts';
import type { Pod } from './kube-pod.ts';
import { endPod, type StoredWorkload } from './kube-pod-making.ts';
import { reconcileStatefulSet } from './kube-stateful-sets.ts';
import type { KubeStore } from './kube-store.ts';

/** Takes every step that can be taken now; called again after every change. */
export function reconcileWorkloads(store: KubeStore): void {
  collectGarbage(store);
  for (const workload of store.list('Deployment')) reconcileDeployment(store, workload as StoredWorkload);
  for (const workload of store.list('StatefulSet')) reconcileStatefulSet(store, workload as StoredWorkload);
}

/** What belongs to an object that is gone goes too. */
function collectGarbage(store: KubeStore): void {
  for (const kind of ['ReplicaSet', 'Pod']) {
    for (const object of store.list(kind)) {
      const [owner] = object.metadata.ownerReferences ?? [];
      if (owner === undefined) continue;
      if (store.get(owner.kind, object.metadata.namespace, owner.name)?.metadata.uid === owner.uid) continue;
      if (kind === 'Pod') endPod(store, object as Pod);
      else store.remove(object);
    }
  }
}
