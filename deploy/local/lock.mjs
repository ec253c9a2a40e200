// One install or build at a time, across processes. The lock is a file with the holder's process id; a holder that died
// is recognised and its lock taken over, under a short second lock so that two takers do not trip over each other.
import { mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StepFailed, cacheFolder, say } from './step.mjs';

const pollMs = 100;
const waitMs = 15 * 60_000;
const takeoverMs = 10_000;

/**
 * Runs `work` while no other process of this checkout is inside `withLock` of the same name.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(name, work) {
  await mkdir(cacheFolder, { recursive: true });
  const lockFile = resolve(cacheFolder, `${name}.lock`);
  await acquire(lockFile);
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

/** @param {string} lockFile */
async function acquire(lockFile) {
  const deadline = Date.now() + waitMs;
  for (let hasWaited = false; !(await tryCreate(lockFile));) {
    const holder = await readHolder(lockFile);
    if (holder !== undefined && !isAlive(holder)) {
      await takeOver(lockFile, holder);
      continue;
    }
    if (Date.now() > deadline) {
      throw new StepFailed(
        `process ${holder} still holds ${lockFile}; delete the file if it is something else`,
      );
    }
    if (!hasWaited) say(`waiting for process ${holder ?? '?'} to finish the same …`);
    hasWaited = true;
    await delay(pollMs);
  }
}

/** @param {string} lockFile */
async function tryCreate(lockFile) {
  try {
    await writeFile(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * @param {string} lockFile
 * @returns {Promise<number | undefined>} undefined while the file is being written or just went away
 */
async function readHolder(lockFile) {
  const text = await readFile(lockFile, 'utf8').catch(() => '');
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * @param {string} lockFile
 * @param {number} holder
 */
async function takeOver(lockFile, holder) {
  const guard = `${lockFile}.takeover`;
  try {
    await mkdir(guard);
  } catch {
    // Somebody else takes over, or died while doing so.
    const since = await stat(guard).catch(() => undefined);
    const isAbandoned = since !== undefined && Date.now() - since.mtimeMs > takeoverMs;
    if (isAbandoned) await rmdir(guard).catch(() => undefined);
    await delay(pollMs);
    return;
  }
  try {
    if ((await readHolder(lockFile)) === holder) await rm(lockFile, { force: true });
  } finally {
    await rmdir(guard);
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function hasCode(error, code) {
  return error instanceof Error && 'code' in error && error.code === code;
}
