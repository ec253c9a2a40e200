// Makes what the chart has from elsewhere: the schema and the comments of its values, and copies of the rules and
// dashboards of deploy/. With --check it only says which of these files are out of date.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { readmeWithValues, valuesFile } from './chart-pages.mjs';
import { chartSchema, secretKeys } from './chart-schema.mjs';

const top = new URL('../../', import.meta.url);
const isCheck = process.argv.includes('--check');

/** @param {string} path @returns {string} what the file has, nothing where there is none */
function contentOf(path) {
  try {
    return readFileSync(new URL(path, top), 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} folder @param {RegExp} names @returns {string[]} the files there, none where there is no folder */
function namesIn(folder, names) {
  try {
    return readdirSync(new URL(folder, top)).filter((name) => names.test(name));
  } catch {
    return [];
  }
}

const secrets = secretKeys.map(({ path, envName }) => ({ path, env: envName }));
const files = new Map([
  ['values.schema.json', `${JSON.stringify(chartSchema(), undefined, 2)}\n`],
  ['values.yaml', valuesFile()],
  ['README.md', readmeWithValues(contentOf('helm/headwater/README.md'))],
  ['files/secret-keys.yaml', `# Made by helm/scripts/generate.mjs.\n${stringify(secrets)}`],
]);
const copies = /** @type {const} */ ([
  // Rules, and not what tests them or loads them.
  ['deploy/prometheus', /[.]ya?ml$/, /^groups:/m, 'files/rules'],
  ['deploy/grafana', /[.]json$/, /"panels"/, 'files/dashboards'],
]);
for (const [from, names, wanted, to] of copies) {
  for (const name of namesIn(from, names)) {
    const content = contentOf(`${from}/${name}`);
    if (wanted.test(content)) files.set(`${to}/${name}`, content);
  }
}

for (const [name, content] of files) {
  const path = `helm/headwater/${name}`;
  const file = new URL(path, top);
  if (!isCheck) {
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, content);
  } else if (content !== contentOf(path)) {
    process.stderr.write(`${path} is out of date: run npm run generate\n`);
    process.exitCode = 1;
  }
}
