import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const STOP_DEADLINE_MS = 3_000;
const STDERR_TAIL_CHARS = 2_000;

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** What to start and where. */
export interface OwnedProcessOptions {
  /** For messages. */
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The core to bind it to. */
  readonly core: number | undefined;
  readonly hasIpc?: boolean;
  readonly cwd?: string;
}

/** A process that the bench started and will end. Awaiting anything of it fails when it ends before its time. */
export class OwnedProcess {
  readonly #title: string;
  readonly #child: ChildProcess;
  readonly #died: Promise<never>;
  #stderr = '';
  #isStopping = false;

  constructor(options: OwnedProcessOptions) {
    const { title, command, args, core, hasIpc = false, cwd } = options;
    this.#title = title;
    const pinned = core === undefined ? [] : ['taskset', '-c', String(core)];
    const [file = command, ...rest] = [...pinned, command, ...args];
    this.#child = spawn(file, rest, {
      stdio: ['ignore', 'ignore', 'pipe', ...(hasIpc ? (['ipc'] as const) : [])],
      ...(cwd === undefined ? {} : { cwd }),
    });
    living.add(this.#child);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL_CHARS);
    });
    this.#died = new Promise<never>((_, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        living.delete(this.#child);
        if (!this.#isStopping) reject(new Error(this.#describeEnd(code, signal)));
      });
    });
    this.#died.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(message: object): void {
    this.#child.send(message);
  }

  /** The next IPC message. */
  async message(): Promise<unknown> {
    const [message] = (await this.orDeath(once(this.#child, 'message'))) as unknown[];
    return message;
  }

  /** The same promise, but failing as soon as the process ends by itself. */
  async orDeath<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#died]);
  }

  /** Ends the process: politely, then surely. Harmless when it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await closed;
    clearTimeout(timer);
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal ?? `exit code ${String(code)}`;
    return `${this.#title} ended by itself (${how})${this.#stderr === '' ? '' : `:\n${this.#stderr}`}`;
  }
}

/** How Node runs another TypeScript file of the bench. */
export function nodeArgs(file: URL, ...args: readonly string[]): string[] {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', loader, fileURLToPath(file), ...args];
}
