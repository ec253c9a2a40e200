// Steps: child processes that work quietly and show their output only when they fail.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The checkout. */
export const root = resolve(import.meta.dirname, '../..');

/** Where everything lives that may be deleted at any time. */
export const cacheFolder = resolve(root, '.cache');

/** A step did not succeed; the message says which, and its output has been shown. */
export class StepFailed extends Error {}

/**
 * One line on stderr.
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`headwater: ${line}\n`);
}

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] added to the environment
 * @property {number} [timeoutMs]
 */

/**
 * Runs a program and resolves with its exit code and output. Rejects only when it cannot be started.
 * @param {string} program
 * @param {string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function capture(program, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
    child.stderr.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
    child.on('error', fail);
    child.on('close', (code) => done({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

/**
 * Runs a program that owns the terminal and resolves with its exit code.
 * @param {string} program
 * @param {string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<number>}
 */
export async function attend(program, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: 'inherit',
    });
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
}

/**
 * Announces a step, runs it, and fails with its output when it does.
 * @param {string} title
 * @param {string} program
 * @param {string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<void>}
 */
export async function step(title, program, args, options = {}) {
  say(`${title} …`);
  const { code, output } = await capture(program, args, options);
  if (code === 0) return;
  process.stderr.write(output.endsWith('\n') ? output : `${output}\n`);
  throw new StepFailed(`${title} failed (exit code ${code})`);
}
