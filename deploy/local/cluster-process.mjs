// One process of the local cluster: started, watched, frozen, killed and stopped by name.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { StepFailed } from './step.mjs';

const readyTimeoutMs = 30_000;
const readyPollMs = 50;
const shownLogLines = 8;

/** @typedef {'running' | 'frozen' | 'stopped'} ProcessState */

/**
 * @typedef {object} ProcessOptions
 * @property {string} name
 * @property {string} program
 * @property {readonly string[]} args
 * @property {string} logFile gets everything it prints
 * @property {string} mark part of its command line that no other program has
 * @property {() => Promise<void>} [prepare] runs before each start
 * @property {() => Promise<boolean>} isReady asked again and again after each start
 * @property {() => void} onChange called when it was spawned or has ended
 * @property {(end: string) => void} onUnexpectedExit `end` reads like "exit code 1"
 */

/** A process that may be started any number of times, one run after the other. */
export class ClusterProcess {
  name;
  mark;
  logFile;
  /** @readonly */
  #options;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {Promise<unknown>} */
  #exited = Promise.resolve();
  #isFrozen = false;
  #isEndExpected = false;

  /** @param {ProcessOptions} options */
  constructor(options) {
    this.#options = options;
    this.name = options.name;
    this.mark = options.mark;
    this.logFile = options.logFile;
  }

  /** @returns {ProcessState} */
  get state() {
    if (this.#child === undefined) return 'stopped';
    return this.#isFrozen ? 'frozen' : 'running';
  }

  /** Undefined while it does not run. */
  get pid() {
    return this.#child?.pid;
  }

  /** Starts it and resolves when it is ready. Throws `StepFailed` with the end of its log when it does not get there. */
  async start() {
    if (this.#child !== undefined) throw new StepFailed(`${this.name} runs already`);
    await this.#options.prepare?.();
    this.#spawn();
    const deadline = performance.now() + readyTimeoutMs;
    while (!(await this.#options.isReady())) {
      if (this.state === 'stopped') {
        throw new StepFailed(`${this.name} ended at its start\n${await this.#logEnd()}`);
      }
      if (performance.now() > deadline) {
        await this.kill();
        throw new StepFailed(`${this.name} was not ready in time\n${await this.#logEnd()}`);
      }
      await delay(readyPollMs);
    }
    this.#isEndExpected = false;
  }

  /** Ends it at once, as a crash would, with all that it has started. */
  async kill() {
    this.#isEndExpected = true;
    this.#signalAll('SIGKILL');
    await this.#exited;
  }

  /** Stops it where it is: it keeps its connections and says nothing. */
  freeze() {
    this.#signalAll('SIGSTOP');
    this.#isFrozen = this.#child !== undefined;
  }

  /** Lets it go on. */
  thaw() {
    this.#signalAll('SIGCONT');
    this.#isFrozen = false;
  }

  /**
   * Asks it to end and waits; kills it when it takes longer.
   * @param {number} timeoutMs
   * @returns {Promise<boolean>} whether it ended by itself
   */
  async stop(timeoutMs) {
    this.#isEndExpected = true;
    // What it has started is its own affair to end.
    this.#child?.kill('SIGTERM');
    this.thaw();
    const timeout = new AbortController();
    const isInTime = await Promise.race([
      this.#exited.then(() => true),
      delay(timeoutMs, false, { signal: timeout.signal }).catch(() => true),
    ]);
    timeout.abort();
    if (!isInTime) await this.kill();
    return isInTime;
  }

  /** The last resort, for the end of the parent itself. */
  killNow() {
    this.#isEndExpected = true;
    this.#signalAll('SIGKILL');
  }

  #spawn() {
    const log = openSync(this.logFile, 'a');
    // A session of its own: Ctrl-C reaches the parent only, which then stops everything in order.
    const child = spawn(this.#options.program, this.#options.args, {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#isFrozen = false;
    // Until it is ready, an end is the affair of `start`.
    this.#isEndExpected = true;
    this.#child = child;
    this.#exited = this.#watchEnd(child);
    this.#options.onChange();
  }

  /** @param {import('node:child_process').ChildProcess} child */
  async #watchEnd(child) {
    const end = await once(child, 'exit').then(
      ([code, signal]) => (signal === null ? `exit code ${String(code)}` : `signal ${String(signal)}`),
      (/** @type {unknown} */ error) => String(error),
    );
    this.#child = undefined;
    this.#isFrozen = false;
    this.#options.onChange();
    if (!this.#isEndExpected) this.#options.onUnexpectedExit(end);
  }

  /**
   * To the process and its workers: it leads a group of its own.
   * @param {NodeJS.Signals} signal
   */
  #signalAll(signal) {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It ended in this very moment.
    }
  }

  async #logEnd() {
    const text = await readFile(this.logFile, 'utf8').catch(() => '');
    return text.trimEnd().split('\n').slice(-shownLogLines).join('\n');
  }
}
