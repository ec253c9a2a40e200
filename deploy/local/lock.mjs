// One install or build at a time, across processes. The lock is a file with the holder's process id; a holder that died
// is recognised and its lock taken over, under a short second lock so that two takers do not trip over each other.
import { mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StepFailed, cacheFolder, say } from './step.mjs';

const lockFile = resolve(cacheFolder, 'lock');
const pollMs = 100;
const waitMs = 15 * 60_000;
const takeoverMs = 10_000;

/**
 * Runs `work` while no other process of this checkout is inside `withLock`.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(work) {
  await mkdir(cacheFolder, { recursive: true });
  await acquire();
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function acquire() {
  const deadline = Date.now() + waitMs;
  for (let hasWaited = false; !(await tryCreate());) {
    const holder = await readHolder();
    if (holder !== undefined && !isAlive(holder)) {
      await takeOver(holder);
      continue;
    }
    if (Date.now() > deadline) {
      throw new StepFailed(
        `process ${holder} still holds ${lockFile}; delete the file if it is something else`,
      );
    }
    if (!hasWaited) say(`waiting for process ${holder ?? '?'}, which is installing or building …`);
    hasWaited = true;
    await delay(pollMs);
  }
}

async function tryCreate() {
  try {
    await writeFile(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** @returns {Promise<number | undefined>} undefined while the file is being written or just went away */
async function readHolder() {
  const text = await readFile(lockFile, 'utf8').catch(() => '');
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** @param {number} holder */
async function takeOver(holder) {
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
    if ((await readHolder()) === holder) await rm(lockFile, { force: true });
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
