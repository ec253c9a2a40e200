// Makes src/generated from proto/ with buf and ts-proto, both installed locally: no network is used.
//   node packages/relay/scripts/generate.mjs           writes src/generated
//   node packages/relay/scripts/generate.mjs --check   fails when src/generated is not what proto/ says
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'src', 'generated');

const options = [
  'outputServices=grpc-js',
  'outputClientImpl=false',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'esModuleInterop=true',
  'importSuffix=.ts',
  'env=node',
  'forceLong=number',
  'oneof=unions-value',
  'enumsAsLiterals=true',
  'removeEnumPrefix=true',
  'unrecognizedEnum=false',
  'annotateFilesWithVersion=false',
];

const isCheck = process.argv.includes('--check');
const out = isCheck ? mkdtempSync(join(tmpdir(), 'headwater-relay-')) : target;
try {
  generate(out);
  if (isCheck) check(out);
} finally {
  if (isCheck) rmSync(out, { recursive: true, force: true });
}

/** @param {string} into */
function generate(into) {
  const plugin = join(dirname(require.resolve('ts-proto/package.json')), 'protoc-gen-ts_proto');
  const template = {
    version: 'v2',
    clean: true,
    plugins: [{ local: [process.execPath, plugin], out: into, opt: options }],
  };
  const buf = require.resolve('@bufbuild/buf/bin/buf');
  const arguments_ = [buf, 'generate', '--template', JSON.stringify(template)];
  const run = spawnSync(process.execPath, arguments_, { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) fail(`buf generate failed${run.error ? `: ${run.error.message}` : ''}`);
}

/** @param {string} fresh */
function check(fresh) {
  const expected = listFiles(fresh);
  const actual = listFiles(target);
  const stale = [...new Set([...expected, ...actual])].filter((file) => {
    return !expected.includes(file) || !actual.includes(file) || read(fresh, file) !== read(target, file);
  });
  if (stale.length === 0) return;
  fail(
    `packages/relay/src/generated is not what packages/relay/proto says: ${stale.join(', ')}; ` +
      'run node packages/relay/scripts/generate.mjs and commit the result',
  );
}

/** @param {string} folder */
function listFiles(folder) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  } catch {
    return [];
  }
}

/** @param {string} folder @param {string} file */
function read(folder, file) {
  return readFileSync(join(folder, file), 'utf8');
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
