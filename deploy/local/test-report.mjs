// Reads vitest's JSON reports and prints two numbers: tests that passed, and what did not. A test that was skipped or only
// planned did not pass, nor did a file that could not even be loaded; what is not clean is named on stderr.
//   test-report.mjs REPORT [SECOND]   where a second run of some files is given, it counts for those files
//   test-report.mjs --again REPORT    prints the files that may be run a second time, one a line
// A second run is for files whose tests share the machine with real processes, and for a few of them at most: what fails
// on a busy machine only is named, what is broken fails again.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @typedef {{ fullName: string, status: string }} Test */
/** @typedef {{ name: string, status: string, message: string, assertionResults: Test[] }} TestFile */

const maxFilesAgain = 3;

/**
 * @param {string} report
 * @returns {TestFile[]}
 */
function filesOf(report) {
  /** @type {{ testResults: TestFile[] }} */
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults;
}

/** @type {(file: TestFile) => Test[]} */
const uncleanOf = (file) => file.assertionResults.filter(({ status }) => status !== 'passed');

/** @type {(file: TestFile) => boolean} */
const isBroken = (file) =>
  file.assertionResults.length === 0 || (file.status !== 'passed' && uncleanOf(file).length === 0);

const args = process.argv.slice(2);
if (args[0] === '--again') printFilesAgain(filesOf(args[1] ?? ''));
else printCounts(filesOf(args[0] ?? ''), args[1] === undefined ? [] : filesOf(args[1]));

/** @param {TestFile[]} files */
function printFilesAgain(files) {
  const failed = files.filter((file) => isBroken(file) || uncleanOf(file).length > 0);
  const paths = failed.map(({ name }) => relative(process.cwd(), name));
  if (paths.length > maxFilesAgain || !paths.every((path) => path.startsWith('test/'))) return;
  for (const path of paths) console.log(path);
}

/**
 * @param {TestFile[]} first
 * @param {TestFile[]} second
 */
function printCounts(first, second) {
  let passed = 0;
  let failed = 0;
  for (const ran of first) {
    const again = second.find(({ name }) => name === ran.name);
    if (again !== undefined) console.error(`needed a second run: ${ran.name}`);
    const file = again ?? ran;
    const unclean = uncleanOf(file);
    passed += file.assertionResults.length - unclean.length;
    failed += unclean.length;
    for (const { fullName, status } of unclean) console.error(`${status}: ${file.name}: ${fullName}`);
    if (!isBroken(file)) continue;
    failed += 1;
    console.error(`failed: ${file.name}: ${file.message || 'no test ran'}`);
  }
  console.log(`${passed} ${failed}`);
}
