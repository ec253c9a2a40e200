// values.schema.json: the chart's own values, and the program's configuration as the program itself describes it.
import { configJsonSchema, configKeys } from '@headwater/contracts';
import { chartValues } from './chart-source.mjs';

/** @typedef {import('./chart-source.mjs').Schema} Schema */

/** Keys that the chart sets by itself, or that must stay as they are where probes come from another machine. */
const ownedByChart = [
  'node',
  'bind',
  'rtmp.bind',
  'http.bind',
  'admin.bind',
  'relay.bind',
  'relay.advertise',
  'registry.kind',
];

/** Keys with secrets in them: kept in a Secret, and allowed to come from one that is there. */
export const secretKeys = configKeys.filter(
  ({ path, isSecret, redact }) => (isSecret || redact !== undefined) && !ownedByChart.includes(path),
);

const count = { type: 'integer', minimum: 0 };
const text = { type: 'string', minLength: 1 };

/** @type {Record<string, Schema>} */
const definitions = {
  texts: { type: 'object', additionalProperties: { type: 'string' } },
  named: closed({ name: text }),
  list: { type: 'array', items: { type: 'object' } },
  free: { type: 'object' },
  drainSeconds: { ...count, maximum: 3600 },
  replicas: { ...count, maximum: 10_000 },
  port: { type: 'integer', minimum: 1, maximum: 65_535 },
  place: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,128}$' },
  parents: {
    type: 'array',
    items: closed({ name: text, namespace: text, sectionName: text, port: { type: 'integer' } }, ['name']),
  },
};

/** The JSON Schema of the chart's values. @returns {Schema} */
export function chartSchema() {
  const values = chartValues();
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Headwater chart',
    ...closed({
      ...values,
      global: { type: 'object', description: 'Set by Helm for a chart within another.' },
    }),
    definitions: {
      ...definitions,
      config: configDefinition(),
      configFromSecrets: closed(
        Object.fromEntries(
          secretKeys.map(({ path }) => [path, closed({ name: text, key: text }, ['name', 'key'])]),
        ),
      ),
    },
  };
}

/** Objects know no other properties than those said. @param {Record<string, Schema>} properties @param {string[]} [required] @returns {Schema} */
function closed(properties, required) {
  const inner = Object.entries(properties).map(([name, schema]) => [name, closedWithin(schema)]);
  const result = {
    type: 'object',
    properties: Object.fromEntries(inner),
    additionalProperties: false,
  };
  return required === undefined ? result : { ...result, required };
}

/** @param {Schema} schema @returns {Schema} */
function closedWithin(schema) {
  const { properties, required, items } = schema;
  if (properties !== undefined) {
    return { ...schema, ...closed(properties, /** @type {string[] | undefined} */ (required)) };
  }
  return items === undefined ? schema : { ...schema, items: closedWithin(/** @type {Schema} */ (items)) };
}

/** @returns {Schema} */
function configDefinition() {
  // Helm's regular expressions count to 1,000 only and do not look ahead. What passes for that, the program refuses.
  const json = JSON.stringify(configJsonSchema())
    .replaceAll(/\{(\d),\d{4,}\}/g, '{$1,}')
    .replaceAll(/\(\?![^)]*\)/g, '');
  /** @type {Schema} */
  const schema = JSON.parse(json);
  delete schema['$schema'];
  delete schema['title'];
  for (const path of ownedByChart) {
    const parts = path.split('.');
    const last = parts.pop() ?? path;
    /** @type {Schema | undefined} */
    let section = schema;
    for (const part of parts) section = section?.properties?.[part];
    if (section?.properties?.[last] === undefined) throw new Error(`the configuration has no ${path}`);
    section.properties = Object.fromEntries(
      Object.entries(section.properties).filter(([name]) => name !== last),
    );
  }
  return schema;
}
