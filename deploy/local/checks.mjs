// Everything that can be wrong with the sources without running them. All checks run, also after one failed.
import { capture, say } from './step.mjs';

/** Name → npm script. */
const checks = [
  ['format', 'format:check'],
  ['types', 'typecheck'],
  ['lint', 'lint'],
  ['dependency rules', 'deps:check'],
  ['unused code', 'unused:check'],
  ['generated files', 'generate:check'],
];

/**
 * Runs every check, prints one line for each and the output of those that fail.
 * @returns {Promise<boolean>} whether all passed
 */
export async function runChecks() {
  let hasFailed = false;
  for (const [name = '', script = ''] of checks) {
    const startMs = performance.now();
    const { code, output } = await capture('npm', ['run', '--silent', script]);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    say(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
    if (code !== 0) process.stderr.write(output);
    hasFailed ||= code !== 0;
  }
  return !hasFailed;
}
