// A program started by a test, in a process group of its own, so that nothing of it outlives the test.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { defer } from './cleanup.ts';
import { passOnPrecedence } from './precedence.ts';

const keptOutputChars = 2 * 1024 * 1024;
const running = new Set<Child>();

// The last net, for a test runner that is itself interrupted.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** What to start. `name` is for messages. */
export interface ChildOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** True where the test writes to its standard input. */
  readonly hasStdin?: boolean;
}

/** How a child ended: by an exit code or by a signal. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running program. It is killed at the end of the test, unless it has ended by then. */
export class Child {
  readonly name: string;
  /** Settles when the program has ended and all its output was read. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcessByStdio<Writable | null, Readable, Readable>;
  #stdout = '';
  #stderr = '';
  #exit: ChildExit | undefined;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#process = spawn(options.program, [...options.args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.hasStdin === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      detached: true,
    }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
    if (this.#process.pid !== undefined) passOnPrecedence(this.#process.pid);
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-keptOutputChars);
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptOutputChars);
    });
    running.add(this);
    this.exited = this.#watchExit();
  }

  /** The process id; that of its group, too. */
  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** What it printed so far, the newest 2 MiB of each. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** How it ended, or undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  /** Its standard input; only with `hasStdin`. */
  get stdin(): Writable {
    if (this.#process.stdin === null) throw new Error(`${this.name} was started without standard input`);
    return this.#process.stdin;
  }

  /** Sends a signal to the program and all that it started. Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void {
    if (this.#process.pid === undefined || this.#exit !== undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch {
      // It ended in this very moment.
    }
  }

  /** Asks it to end, and kills it when it has not ended after `timeoutMs`. */
  async stop(options: { signal?: NodeJS.Signals; timeoutMs?: number } = {}): Promise<ChildExit> {
    const { signal = 'SIGTERM', timeoutMs = 10_000 } = options;
    this.kill(signal);
    const timeout = new AbortController();
    const isLate = await Promise.race([
      this.exited.then(() => false),
      delay(timeoutMs, true, { signal: timeout.signal }).catch(() => false),
    ]);
    timeout.abort();
    if (isLate) this.kill('SIGKILL');
    return this.exited;
  }

  /** The end of what it printed, for messages. */
  tail(): string {
    return `${this.name} printed last:\n${this.#stdout.slice(-4000)}\n${this.#stderr.slice(-4000)}`;
  }

  async #watchExit(): Promise<ChildExit> {
    try {
      const [code, signal] = (await once(this.#process, 'close')) as [number | null, NodeJS.Signals | null];
      this.#exit = { code, signal };
    } catch (error) {
      this.#stderr += String(error);
      this.#exit = { code: 127, signal: null };
    }
    running.delete(this);
    return this.#exit;
  }
}

/** Starts a program that ends with the test at the latest. */
export function startChild(options: ChildOptions): Child {
  const child = new Child(options);
  defer(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  return child;
}

/** Runs a program to its end; rejects with its output when its exit code is not 0. */
export async function runChild(options: ChildOptions): Promise<Child> {
  const child = startChild(options);
  const { code, signal } = await child.exited;
  if (code !== 0) throw new Error(`${child.name} ended with ${code ?? signal}\n${child.tail()}`);
  return child;
}
