// Files that are made from other files and checked in: made again here, or with --check compared with what is there.
import { spawnSync } from 'node:child_process';
import { root, say } from './step.mjs';

const packages = ['relay', 'cluster', 'headwater'].map((name) => `packages/${name}`);
const generators = [...packages, 'helm'].map((folder) => `${folder}/scripts/generate.mjs`);

const args = process.argv.slice(2);
for (const generator of generators) {
  const { status } = spawnSync(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', generator, ...args],
    {
      cwd: root,
      stdio: 'inherit',
    },
  );
  if (status === 0) continue;
  say(`${generator} ${args.join(' ')} failed`);
  process.exitCode = 1;
}
