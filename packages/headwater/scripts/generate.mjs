// Makes docs/reference from the schemas, or with --check says which of its files are out of date. Works on the sources:
// nothing needs to be built.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const fromSource = ['--conditions=source', '--import', 'tsx'];
if (!process.execArgv.includes('--conditions=source')) {
  const { status } = spawnSync(process.execPath, [...fromSource, self, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

const { configJsonSchema } = await import('@headwater/contracts');
const { createAdminApp, openApiDocument } = await import('../src/admin/admin-app.ts');
const { programVersion } = await import('../src/program-version.ts');
const { configPage } = await import('./config-page.mjs');
const { metricsPage } = await import('./metrics-page.mjs');

const folder = new URL('../../../docs/reference/', import.meta.url);
const isCheck = process.argv.includes('--check');

/** @param {object} value */
const json = (value) => `${JSON.stringify(value, undefined, 2)}\n`;

const version = programVersion();
const unused = () => {
  throw new Error('only the description of the API is wanted');
};
const app = createAdminApp({
  version,
  view: {
    jobs: { list: unused, add: unused, remove: unused },
    streams: unused,
    sessions: unused,
    nodes: unused,
    kick: unused,
    explainRoute: unused,
    furtherMetrics: unused,
    notReadyReasons: unused,
    doubts: unused,
  },
  readiness: unused,
  drain: unused,
  status: unused,
  metrics: unused,
  failed: unused,
});

const files = new Map([
  ['config.md', configPage()],
  ['config.schema.json', json(configJsonSchema())],
  ['metrics.md', metricsPage()],
  ['openapi.json', json(openApiDocument(app, version))],
]);

mkdirSync(folder, { recursive: true });
for (const [name, content] of files) {
  const file = new URL(name, folder);
  if (!isCheck) writeFileSync(file, content);
  else if (content !== contentOf(file)) {
    console.error(`docs/reference/${name} is out of date: run pnpm generate`);
    process.exitCode = 1;
  }
}

/** @param {URL} file */
function contentOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

// The nodes whose metrics were looked at were never started, and keep the process.
process.exit();
