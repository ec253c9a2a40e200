/** A resource of the API. */
export interface KubeResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const namespaced: readonly (readonly [apiVersion: string, plural: string, kind: string])[] = [
  ['v1', 'pods', 'Pod'],
  ['v1', 'services', 'Service'],
  ['v1', 'configmaps', 'ConfigMap'],
  ['v1', 'secrets', 'Secret'],
  ['v1', 'serviceaccounts', 'ServiceAccount'],
  ['v1', 'events', 'Event'],
  ['apps/v1', 'statefulsets', 'StatefulSet'],
  ['apps/v1', 'deployments', 'Deployment'],
  ['apps/v1', 'replicasets', 'ReplicaSet'],
  ['policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy'],
  ['autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'],
];

function resource(apiVersion: string, plural: string, kind: string): KubeResource {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { group, version, plural, kind, namespaced: kind !== 'Namespace' };
}

/** What this API server serves. */
export const kubeResources: readonly KubeResource[] = [
  resource('v1', 'namespaces', 'Namespace'),
  ...namespaced.map(([apiVersion, plural, kind]) => resource(apiVersion, plural, kind)),
];

/** `v1`, or `apps/v1`. */
export function apiVersionOf({ group, version }: KubeResource): string {
  return group === '' ? version : `${group}/${version}`;
}
