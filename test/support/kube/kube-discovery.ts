// How clients learn what an API server can do.
import { apiVersionOf, kubeResources } from './kube-resources.ts';

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const apiVersions = [...new Set(kubeResources.map(apiVersionOf))];

/** The answer to a request about the API itself; undefined where the path is about an object. */
export function discoveryAnswer(path: string): object | undefined {
  if (path === '/version') return { major: '1', minor: '35', gitVersion: 'v1.35.0', platform: 'linux/amd64' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups() };
  if (path === '/openapi/v3') return { paths: Object.fromEntries(apiVersions.map(openApiEntry)) };
  const described = apiVersions.find((apiVersion) => path === `/openapi/v3/${pathOf(apiVersion)}`);
  if (described !== undefined) return openApiOf(described);
  const listed = apiVersions.find((apiVersion) => path === `/${pathOf(apiVersion)}`);
  return listed === undefined ? undefined : resourceList(listed);
}

function pathOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

function groups(): object[] {
  return apiVersions
    .filter((apiVersion) => apiVersion.includes('/'))
    .map((groupVersion) => {
      const [name = '', version = ''] = groupVersion.split('/');
      const only = { groupVersion, version };
      return { name, versions: [only], preferredVersion: only };
    });
}

function resourceList(groupVersion: string): object {
  const resources = kubeResources
    .filter((resource) => apiVersionOf(resource) === groupVersion)
    .map(({ plural, kind, namespaced }) => ({
      name: plural,
      singularName: kind.toLowerCase(),
      kind,
      namespaced,
      verbs,
    }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function openApiEntry(apiVersion: string): [string, object] {
  return [pathOf(apiVersion), { serverRelativeURL: `/openapi/v3/${pathOf(apiVersion)}` }];
}

/** Only what clients look for: that a patch can be validated and tried. */
function openApiOf(apiVersion: string): object {
  const parameters = ['fieldValidation', 'dryRun'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string' },
  }));
  const paths = kubeResources
    .filter((resource) => apiVersionOf(resource) === apiVersion)
    .map(({ group, version, kind, plural, namespaced }) => [
      `/${pathOf(apiVersion)}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}/{name}`,
      { patch: { 'x-kubernetes-group-version-kind': { group, version, kind }, parameters, responses: {} } },
    ]);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.35.0' },
    paths: Object.fromEntries(paths) as object,
  };
}
