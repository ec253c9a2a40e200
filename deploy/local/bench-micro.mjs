// Benchmarks of single functions beside the stored baseline; `--update` stores what was measured as the new one.
import { readFile, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { attend, root } from './step.mjs';

const baseline = resolve(root, 'test/bench/micro-baseline.json');

/**
 * @param {string[]} args handed on to vitest, `--update` apart
 * @returns {Promise<number>} the exit code
 */
export async function runMicroBenchmarks(args) {
  const isUpdate = args.includes('--update');
  const others = args.filter((arg) => arg !== '--update');
  const what = isUpdate ? ['--outputJson', baseline] : ['--compare', baseline];
  const code = await attend(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'bench',
    '--run',
    '--project',
    'unit',
    ...what,
    ...others,
  ]);
  if (isUpdate && code === 0) await forgetFolders();
  return code;
}

/** Vitest stores where the files were; it finds a benchmark again without that. */
async function forgetFolders() {
  /** @type {{ files: { filepath: string }[] }} */
  const report = JSON.parse(await readFile(baseline, 'utf8'));
  for (const file of report.files) file.filepath = relative(root, file.filepath);
  await writeFile(baseline, `${JSON.stringify(report, null, 2)}\n`);
}
