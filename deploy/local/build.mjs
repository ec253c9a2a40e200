// The build, skipped when nothing changed. A manifest of the inputs (time, size, hash) is compared instead of asking the
// compiler, because a compiler that finds nothing to do still takes seconds to find that out.
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withLock } from './lock.mjs';
import { cacheFolder, root, step } from './step.mjs';

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {string[]} inputs files and folders, relative to the checkout
 * @property {string[]} outputs files that exist once it was built
 * @property {() => Promise<void>} build
 */

/** @typedef {Record<string, { mtimeMs: number, size: number, hash: string }>} Manifest */

/** Builds what is stale: the packages, then the web page. */
export async function ensureBuilt() {
  const targets = await allTargets();
  if ((await staleTargets(targets)).length === 0) return;
  await withLock('prepare', async () => {
    for (const target of await staleTargets(targets)) {
      // Taken before the build: what is edited meanwhile counts as stale the next time.
      const manifest = await readManifest(target);
      await target.build();
      await mkdir(cacheFolder, { recursive: true });
      await writeFile(manifestFile(target), JSON.stringify(manifest));
    }
  });
}

async function allTargets() {
  const targets = [await serverTarget()];
  // Without a page of its own the console is not built.
  if (await exists('packages/console/index.html')) targets.push(consoleTarget());
  return targets;
}

/** @returns {Promise<Target>} */
async function serverTarget() {
  /** @type {{ references: { path: string }[] }} */
  const solution = await readJson('tsconfig.json');
  const packages = solution.references.map((reference) => reference.path);
  return {
    name: 'packages',
    inputs: [
      'tsconfig.json',
      'tsconfig.base.json',
      'pnpm-lock.yaml',
      ...packages.flatMap((path) => [`${path}/package.json`, `${path}/tsconfig.json`, `${path}/src`]),
    ],
    outputs: packages.map((path) => `${path}/dist/.tsbuildinfo`),
    build: () => step('building', process.execPath, ['node_modules/typescript/bin/tsc', '-b']),
  };
}

/** @returns {Target} */
function consoleTarget() {
  const folder = 'packages/console';
  const files = ['package.json', 'index.html', 'vite.config.ts', 'tsconfig.json', 'src', 'public'];
  return {
    name: 'console',
    inputs: ['pnpm-lock.yaml', 'packages/contracts/src', ...files.map((file) => `${folder}/${file}`)],
    outputs: [`${folder}/dist/index.html`],
    build: () =>
      step('building the web page', process.execPath, ['node_modules/vite/bin/vite.js', 'build'], {
        cwd: resolve(root, folder),
      }),
  };
}

/** @param {Target[]} targets */
async function staleTargets(targets) {
  const checked = await Promise.all(
    targets.map(async (target) => ({ target, isFresh: await isFresh(target) })),
  );
  return checked.filter(({ isFresh }) => !isFresh).map(({ target }) => target);
}

/** @param {Target} target */
async function isFresh(target) {
  const hasOutputs = await Promise.all(target.outputs.map(exists));
  if (hasOutputs.includes(false)) return false;
  /** @type {Manifest} */
  const known = await readJson(manifestFile(target)).catch(() => ({}));
  const found = await readManifest(target, known);
  const names = Object.keys(found);
  return (
    names.length === Object.keys(known).length &&
    names.every((name) => found[name]?.hash === known[name]?.hash)
  );
}

/**
 * Hashes every input, except those whose time and size are as in `known`.
 * @param {Target} target
 * @param {Manifest} [known]
 * @returns {Promise<Manifest>}
 */
async function readManifest(target, known = {}) {
  const lists = await Promise.all(target.inputs.map(listFiles));
  const entries = await Promise.all(
    lists.flat().map(async (file) => {
      const path = resolve(root, file);
      const { mtimeMs, size } = await stat(path);
      const before = known[file];
      const isSame = before?.mtimeMs === mtimeMs && before.size === size;
      const hash = isSame
        ? before.hash
        : createHash('sha256')
            .update(await readFile(path))
            .digest('hex');
      return /** @type {const} */ ([file, { mtimeMs, size, hash }]);
    }),
  );
  return Object.fromEntries(entries);
}

/**
 * @param {string} input
 * @returns {Promise<string[]>} the file itself, the files below the folder, or nothing
 */
async function listFiles(input) {
  const found = await stat(resolve(root, input)).catch(() => undefined);
  if (found === undefined) return [];
  if (!found.isDirectory()) return [input];
  const names = await readdir(resolve(root, input), { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && !/\.(test|bench)\.ts$/.test(entry.name))
    .map((entry) => resolve(entry.parentPath, entry.name).slice(root.length + 1));
}

/**
 * @param {string} file
 * @returns {Promise<any>}
 */
async function readJson(file) {
  return JSON.parse(await readFile(resolve(root, file), 'utf8'));
}

/** @param {string} file */
async function exists(file) {
  return access(resolve(root, file)).then(
    () => true,
    () => false,
  );
}

/** @param {Target} target */
function manifestFile(target) {
  return resolve(cacheFolder, `built-${target.name}.json`);
}
