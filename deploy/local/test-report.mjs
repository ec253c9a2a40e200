// Reads vitest's JSON report and prints two numbers: tests that passed, and what did not. A test that was skipped or only
// planned did not pass, nor did a file that could not even be loaded; what is not clean is named on stderr.
import { readFileSync } from 'node:fs';

/** @typedef {{ fullName: string, status: string }} Test */
/** @typedef {{ name: string, status: string, message: string, assertionResults: Test[] }} TestFile */

/** @type {{ testResults: TestFile[] }} */
const { testResults } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));

let passed = 0;
let failed = 0;
for (const file of testResults) {
  const unclean = file.assertionResults.filter(({ status }) => status !== 'passed');
  passed += file.assertionResults.length - unclean.length;
  failed += unclean.length;
  for (const { fullName, status } of unclean) console.error(`${status}: ${file.name}: ${fullName}`);
  const isBroken = (file.status !== 'passed' && unclean.length === 0) || file.assertionResults.length === 0;
  if (!isBroken) continue;
  failed += 1;
  console.error(`failed: ${file.name}: ${file.message || 'no test ran'}`);
}
console.log(`${passed} ${failed}`);
