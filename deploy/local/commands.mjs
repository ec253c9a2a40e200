// What each npm script does, once the checkout is ready.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runMicroBenchmarks } from './bench-micro.mjs';
import { ensureBuilt } from './build.mjs';
import { runChecks } from './checks.mjs';
import { runCluster } from './cluster.mjs';
import { ensureInstalled } from './install.mjs';
import { attend, root } from './step.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/** How to call this file. */
export const usage =
  'usage: node deploy/local/run.mjs headwater|cluster|build|check|test|bench|bench:peers|bench:ingest|bench:join|bench:failover|bench:soak|bench:overload|bench:slow|bench:micro [arguments]';

/** @type {ReadonlyMap<string, (args: string[]) => Promise<void>>} */
export const commands = new Map(
  Object.entries({
    headwater,
    cluster,
    build: prepare,
    check,
    test,
    bench: benchOf('main.ts'),
    'bench:peers': benchOf('peers.ts'),
    'bench:ingest': benchOf('ingest/main.ts'),
    'bench:join': benchOf('join/main.ts'),
    'bench:failover': benchOf('failover/main.ts'),
    'bench:soak': benchOf('soak/main.ts'),
    'bench:overload': benchOf('overload/main.ts'),
    'bench:slow': benchOf('slow/main.ts'),
    'bench:micro': benchMicro,
  }),
);

async function prepare() {
  await ensureInstalled();
  await ensureBuilt();
}

/**
 * Becomes the program: it runs in this very process, so that signals, exit code and terminal are its own.
 * @param {string[]} args
 */
async function headwater(args) {
  await prepare();
  const main = resolve(root, 'packages/headwater/dist/main.js');
  process.argv = [process.execPath, main, ...args];
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(main).href);
}

/** @param {string[]} args */
async function cluster(args) {
  await runCluster(args, { prepare });
}

async function check() {
  await ensureInstalled();
  process.exitCode = (await runChecks()) ? 0 : 1;
}

/** @param {string[]} args handed on to vitest */
async function test(args) {
  await prepare();
  await ensureSystemPackages();
  process.exitCode = await attend(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args]);
}

/** @param {string[]} args */
async function benchMicro(args) {
  await ensureInstalled();
  process.exitCode = await runMicroBenchmarks(args);
}

/**
 * @param {string} main in `test/bench`
 * @returns {(args: string[]) => Promise<void>} handing its arguments on to the benchmark
 */
function benchOf(main) {
  return async (args) => {
    await prepare();
    process.exitCode = await attend(process.execPath, ['--import', 'tsx', `test/bench/${main}`, ...args]);
  };
}
