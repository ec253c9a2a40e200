// Reads values.source.yaml, and spells out what several roles have in common.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/**
 * A part of the JSON Schema of the chart's values.
 * @typedef {{ description?: string, default?: unknown, type?: string, $ref?: string, properties?: Record<string, Schema>,
 *   [keyword: string]: unknown }} Schema
 */

/** @param {{ cpu: string, memory: string }} requests @returns {Record<string, Schema>} what the pods of a role have */
const podValues = ({ cpu, memory }) => ({
  config: {
    description: 'Configuration of this role, over `config`.',
    default: {},
    $ref: '#/definitions/config',
  },
  drainSeconds: {
    description: 'Instead of the common `drainSeconds`.',
    default: null,
    anyOf: [{ type: 'null' }, { $ref: '#/definitions/drainSeconds' }],
  },
  resources: {
    description: 'Requests and limits of the container.',
    default: { requests: { cpu, memory } },
    $ref: '#/definitions/free',
  },
  maxUnavailable: {
    description: 'Pods that a disruption may take away at once.',
    default: 1,
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^[1-9][0-9]?%$' },
    ],
  },
  podAnnotations: {
    description: 'Annotations of the pods.',
    default: {},
    $ref: '#/definitions/texts',
  },
  nodeSelector: {
    description: 'Labels of the nodes they may run on.',
    default: {},
    $ref: '#/definitions/texts',
  },
  tolerations: { description: 'Taints they may run beside.', default: [], $ref: '#/definitions/list' },
  affinity: { description: 'Affinity of the pods.', default: {}, $ref: '#/definitions/free' },
  priorityClassName: { description: 'Their priority class.', default: '', type: 'string' },
  volumes: {
    description: 'More volumes, for files that the configuration names.',
    default: [],
    $ref: '#/definitions/list',
  },
  volumeMounts: {
    description: 'Where they are mounted.',
    default: [],
    $ref: '#/definitions/list',
  },
  env: {
    description: 'More environment variables, such as NODE_OPTIONS.',
    default: {},
    // Beside a reference nothing counts, in this draft of JSON Schema.
    type: 'object',
    additionalProperties: { type: 'string' },
    // The program's configuration has a place of its own.
    patternProperties: { '^HEADWATER_': false },
  },
});

/** @param {{ type: string, externalTrafficPolicy: string }} defaults @returns {Record<string, Schema>} */
const serviceValues = ({ type, externalTrafficPolicy }) => ({
  type: {
    description: 'Type of the Service.',
    default: type,
    enum: ['ClusterIP', 'NodePort', 'LoadBalancer'],
  },
  annotations: {
    description: 'Annotations of the Service, such as those for a load balancer.',
    default: {},
    $ref: '#/definitions/texts',
  },
  loadBalancerClass: { description: 'Which load balancer makes it.', default: '', type: 'string' },
  loadBalancerSourceRanges: {
    description: 'Networks that may come. None: everybody.',
    default: [],
    type: 'array',
    items: { type: 'string', pattern: '^[0-9a-fA-F.:]+/[0-9]+$' },
  },
  externalTrafficPolicy: {
    description: '`Local`: addresses of clients are kept, and only machines with such a pod are used.',
    default: externalTrafficPolicy,
    enum: ['Local', 'Cluster'],
  },
  nodePort: {
    description: 'Port on all machines. 0: any.',
    default: 0,
    anyOf: [{ const: 0 }, { type: 'integer', minimum: 30000, maximum: 32767 }],
  },
});

/** The values of the chart in their order, `$pod` and `$service` spelled out. @returns {Record<string, Schema>} */
export function chartValues() {
  const text = readFileSync(new URL('../values.source.yaml', import.meta.url), 'utf8');
  /** @type {Record<string, Schema>} */
  const values = parse(text);
  return spelledOut(values);
}

/** @param {Record<string, Schema>} properties @returns {Record<string, Schema>} */
function spelledOut(properties) {
  return Object.fromEntries(Object.entries(properties).flatMap(([name, value]) => entriesOf(name, value)));
}

/** @param {string} name @param {Schema} value @returns {[string, Schema][]} */
function entriesOf(name, value) {
  if (name === '$pod') {
    return Object.entries(podValues(/** @type {Parameters<typeof podValues>[0]} */ (value)));
  }
  if (name === '$service') {
    return Object.entries(serviceValues(/** @type {Parameters<typeof serviceValues>[0]} */ (value)));
  }
  const { properties, default: fallback } = value;
  if (properties === undefined || fallback !== undefined) return [[name, value]];
  return [[name, { ...value, properties: spelledOut(properties) }]];
}
