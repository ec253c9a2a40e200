// Dependencies: installed by the pinned pnpm from the frozen lockfile, again only when what they follow from has changed.
import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withLock } from './lock.mjs';
import { root, step } from './step.mjs';

// Inside node_modules, so that deleting that folder deletes the stamp with it.
const stampFile = resolve(root, 'node_modules/.headwater-stamp');

/** Installs the dependencies unless they are there and current. */
export async function ensureInstalled() {
  if (await isInstalled()) return;
  await withLock('prepare', async () => {
    if (await isInstalled()) return;
    /** @type {{ packageManager: string }} */
    const { packageManager } = JSON.parse(await readFile(resolve(root, 'package.json'), 'utf8'));
    const args = [
      '--yes',
      packageManager,
      'install',
      '--frozen-lockfile',
      '--config.confirmModulesPurge=false',
    ];
    await step(`installing dependencies with ${packageManager}`, 'npx', args);
    await writeFile(stampFile, await wantedStamp());
  });
}

async function isInstalled() {
  const found = await readFile(stampFile, 'utf8').catch(() => undefined);
  return found !== undefined && found === (await wantedStamp());
}

async function wantedStamp() {
  const packages = await readdir(resolve(root, 'packages'));
  const inputs = [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    ...packages.sort().map((name) => `packages/${name}/package.json`),
  ];
  const hash = createHash('sha256').update(
    `node ${process.versions.node.split('.')[0]} ${process.platform} ${process.arch}\n`,
  );
  for (const input of inputs) {
    const bytes = await readFile(resolve(root, input)).catch(() => undefined);
    if (bytes !== undefined) hash.update(`${input} ${bytes.length}\n`).update(bytes);
  }
  return `${hash.digest('hex')}\n`;
}
