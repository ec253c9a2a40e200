// What the local cluster leaves in its folder: a description of what runs, the socket that takes commands, and what a
// later run needs to clean up after one that was killed.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { StepFailed, capture, say } from './step.mjs';

/**
 * @typedef {object} RunningProcess
 * @property {number} pid
 * @property {string} mark part of its command line
 */

/**
 * @typedef {object} ClusterState
 * @property {number} pid of the process that runs the cluster
 * @property {boolean} isReady once everything was up
 * @property {string} vip `host:port`
 * @property {Record<string, RunningProcess & Record<string, string | number>>} processes with their addresses by name
 */

/** @param {string} folder */
function stateFile(folder) {
  return resolve(folder, 'state.json');
}

/**
 * The socket for commands, from the working directory: an absolute path may be longer than a socket's may be.
 * @param {string} folder
 */
export function socketPath(folder) {
  return relative(process.cwd(), resolve(folder, 'control.sock'));
}

/**
 * @param {string} folder
 * @returns {Promise<ClusterState | undefined>} undefined where no cluster runs, or was left
 */
export async function readState(folder) {
  const text = await readFile(stateFile(folder), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/**
 * Replaces the description at once: a reader sees the old one or the new one.
 * @param {string} folder
 * @param {ClusterState} state
 */
export async function writeState(folder, state) {
  const staging = `${stateFile(folder)}.new`;
  await writeFile(staging, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(staging, stateFile(folder));
}

/** @param {string} folder */
export async function removeState(folder) {
  await rm(stateFile(folder), { force: true });
  await rm(socketPath(folder), { force: true });
}

/**
 * Makes the folder ready for a new run: nothing of an earlier one is left. Throws `StepFailed` when that one still runs.
 * @param {string} folder
 */
export async function prepareFolder(folder) {
  await mkdir(folder, { recursive: true });
  const state = await readState(folder);
  if (state !== undefined && (await isRunning(state.pid, 'cluster'))) {
    throw new StepFailed(
      `the cluster runs already, as process ${state.pid}; stop it with: npm run cluster -- stop`,
    );
  }
  await killLeftovers(folder);
  const old = (await readdir(folder)).filter((name) => name.endsWith('.log') || name.endsWith('.ready.json'));
  await Promise.all(old.map((name) => rm(resolve(folder, name))));
}

/**
 * Kills what a run left that was itself killed, and forgets it.
 * @param {string} folder
 */
export async function killLeftovers(folder) {
  const state = await readState(folder);
  for (const [name, { pid, mark }] of Object.entries(state?.processes ?? {})) {
    if (!(await isRunning(pid, mark))) continue;
    say(`killing ${name} (process ${pid}), left by an earlier run`);
    // It leads a group of its own, with its workers.
    process.kill(-pid, 'SIGKILL');
  }
  await removeState(folder);
}

/**
 * Whether that process is still the one it was: ids are used again.
 * @param {number} pid
 * @param {string} mark
 */
async function isRunning(pid, mark) {
  const procfs = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (procfs !== undefined) return procfs.includes(mark);
  if (process.platform === 'linux') return false;
  const { code, output } = await capture('ps', ['-o', 'args=', '-p', String(pid)]);
  return code === 0 && output.includes(mark);
}
