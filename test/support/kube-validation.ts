// Is an object what Kubernetes takes? By validators that are generated from its own API description. They let unknown
// fields pass; what a validator never looked at is unknown to it, so its reading is recorded.
import { resolve } from 'node:path';
import type { KubeObject } from './helm.ts';

interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly { readonly instancePath: string; readonly keyword: string }[] | null;
}

/** Not all of these packages export their validators by name. */
const modules = resolve(import.meta.dirname, '../../node_modules');
const core = 'kubernetes-models/_schemas/IoK8sApi';
const operator =
  '@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring';
const gateway = '@kubernetes-models/gateway-api/_schemas/IoK8sSigsGatewayApiApis';

const tcpRoutes = 'gateway.networking.k8s.io/v1alpha2';

/** What the names of the validators of an API begin with. */
const validatorsOf: Readonly<Record<string, string>> = {
  v1: `${core}CoreV1`,
  'apps/v1': `${core}AppsV1`,
  'policy/v1': `${core}PolicyV1`,
  'autoscaling/v2': `${core}AutoscalingV2`,
  'networking.k8s.io/v1': `${core}NetworkingV1`,
  'monitoring.coreos.com/v1': `${operator}V1`,
  'gateway.networking.k8s.io/v1': `${gateway}V1`,
  [tcpRoutes]: `${gateway}V1alpha2`,
  'keda.sh/v1alpha1': '@kubernetes-models/keda/_schemas/ComGithubKedacoreKedaV2ApisKedaV1alpha1',
};

/** Everything that is wrong with an object, as `Kind/name: path: what`; empty where it is as it should be. */
export async function problemsOf(given: KubeObject): Promise<readonly string[]> {
  const name = `${given.kind}/${given.metadata.name}`;
  if (validatorsOf[given.apiVersion] === undefined) {
    return [`${name}: apiVersion: unknown ${given.apiVersion}`];
  }
  // TCPRoute became v1 as it was (kubernetes-sigs/gateway-api#4842); the validators are from before.
  const object = given.kind === 'TCPRoute' ? { ...given, apiVersion: tcpRoutes } : given;
  const prefix = validatorsOf[object.apiVersion] ?? '';
  const { validate } = (await import(`${modules}/${prefix}${given.kind}.js`)) as {
    readonly validate: Validator;
  };
  const seen = new Map<object, Set<string>>();
  const isValid = validate(recorded(object, seen));
  const wrong = isValid ? [] : (validate.errors ?? []);
  return [
    ...wrong.map(({ instancePath, keyword }) => `${name}: ${instancePath}: ${keyword}`),
    ...unread(object, seen, '').map((path) => `${name}: ${path}: unknown field`),
  ];
}

function recorded(value: unknown, seen: Map<object, Set<string>>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const fields = new Set<string>();
  seen.set(value, seen.get(value) ?? fields);
  return new Proxy(value, {
    get: (target, field, receiver) => {
      if (typeof field === 'string') seen.get(target)?.add(field);
      return recorded(Reflect.get(target, field, receiver), seen);
    },
  });
}

function unread(value: unknown, seen: ReadonlyMap<object, ReadonlySet<string>>, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const at = `${path}/${field}`;
    const isKnown = Array.isArray(value) || seen.get(value)?.has(field) === true;
    return isKnown ? unread(inner, seen, at) : [at];
  });
}
