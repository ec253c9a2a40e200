// The real program in a process of its own, as an operator starts it, on loopback ports that the system picks.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Child, type ChildExit, startChild } from './child.ts';
import { defer } from './cleanup.ts';
import { within } from './network-star.ts';
import { tempFolder } from './temp-folder.ts';
import { waitUntil } from './wait-until.ts';

const main = resolve(import.meta.dirname, '../../packages/headwater/dist/main.js');

/** How to start it. */
export interface HeadwaterOptions {
  /** The role to run; `all` by default. */
  readonly role?: 'all' | 'origin' | 'edge' | 'controller' | 'router';
  /** `--set key=value`, over what tests set by default (loopback, ports 0). */
  readonly set?: Readonly<Record<string, string | number | boolean>>;
  /** More arguments, after all others. */
  readonly args?: readonly string[];
  /** The text of a configuration file. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The network namespace to run in; that of the test by default. */
  readonly namespace?: string;
}

/** The content of the ready file. An address is `host:port`, absent where the node does not serve it. */
export interface ReadyFile {
  readonly pid: number;
  readonly nodeId: string;
  readonly roles: readonly string[];
  readonly rtmp?: string;
  readonly http?: string;
  readonly admin?: string;
  readonly relay?: string;
}

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level?: unknown; readonly msg?: string };

/** A running node. It is stopped at the end of the test, and must then have ended with code 0. */
export class RunningHeadwater {
  readonly child: Child;
  readonly ready: ReadyFile;
  #wasKilled = false;

  constructor(child: Child, ready: ReadyFile) {
    this.child = child;
    this.ready = ready;
  }

  get pid(): number {
    return this.ready.pid;
  }

  /** `rtmp://host:port/live/cam1` for `live/cam1`: to publish and to play. */
  rtmpUrl(stream: string): string {
    return `rtmp://${this.#address('rtmp')}/${stream}`;
  }

  flvUrl(stream: string): string {
    return `${this.httpUrl(`/${stream}`)}.flv`;
  }

  wsUrl(stream: string): string {
    return `ws://${this.#address('http')}/${stream}.flv`;
  }

  httpUrl(path: string): string {
    return `http://${this.#address('http')}${path}`;
  }

  adminUrl(path: string): string {
    return `http://${this.#address('admin')}${path}`;
  }

  /** Reads a JSON document of the admin port. */
  async adminJson<T>(path: string): Promise<T> {
    const response = await fetch(this.adminUrl(path));
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** The log so far; lines that are no JSON are left out. */
  logs(): readonly LogLine[] {
    const lines = `${this.child.stdout}\n${this.child.stderr}`.split('\n');
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
  }

  /** Sends a signal; after SIGKILL the end of the test expects no clean exit. */
  kill(signal: NodeJS.Signals): void {
    this.#wasKilled ||= signal === 'SIGKILL';
    this.child.kill(signal);
  }

  /** Stops it as an orchestrator does. Rejects when it does not end cleanly within `timeoutMs`. */
  async stop(options: { timeoutMs?: number } = {}): Promise<void> {
    const exit = await this.child.stop(options);
    if (this.#wasKilled || exit.code === 0) return;
    throw new Error(`headwater did not end cleanly: ${describeExit(exit)}\n${this.child.tail()}`);
  }

  #address(name: 'rtmp' | 'http' | 'admin' | 'relay'): string {
    const address = this.ready[name];
    if (address === undefined) throw new Error(`this node has no ${name} address`);
    return address;
  }
}

/** Starts the program and resolves when it is ready. Rejects with its output when it ends before that. */
export async function startHeadwater(options: HeadwaterOptions = {}): Promise<RunningHeadwater> {
  const folder = await tempFolder();
  const readyFile = join(folder, 'ready.json');
  const child = startChild(await commandLine(options, folder, readyFile));
  const ready = await waitUntil(
    'headwater is ready',
    async () => {
      if (child.exit !== undefined) {
        throw new Error(`headwater ended at start: ${describeExit(child.exit)}\n${child.tail()}`);
      }
      return parseReadyFile(await readFile(readyFile, 'utf8').catch(() => ''));
    },
    { timeoutMs: 20_000 },
  );
  const running = new RunningHeadwater(child, ready);
  defer(() => running.stop());
  return running;
}

/** Starts the program where it is expected to end by itself: wrong configuration, `--help`, `config check`. */
export async function runHeadwater(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = startChild({ name: 'headwater', program: process.execPath, args: [main, ...args], env });
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

async function commandLine(options: HeadwaterOptions, folder: string, readyFile: string) {
  const set = {
    bind: '127.0.0.1',
    'rtmp.port': 0,
    'http.port': 0,
    'admin.port': 0,
    'relay.port': 0,
    // Tests share the machine, so that any loop may be busy for a while. Those of this limit set it.
    'limits.loopBusy': 0,
    ...options.set,
  };
  const args = [main, options.role ?? 'all', '--ready-file', readyFile];
  if (options.config !== undefined) {
    const configFile = join(folder, 'headwater.yaml');
    await writeFile(configFile, options.config);
    args.push('--config', configFile);
  }
  for (const [key, value] of Object.entries(set)) args.push('--set', `${key}=${value}`);
  args.push(...(options.args ?? []));
  const { namespace, env = {} } = options;
  const { program, args: prefix } =
    namespace === undefined ? { program: process.execPath, args: [] } : within(namespace, process.execPath);
  return { name: 'headwater', program, args: [...prefix, ...args], cwd: folder, env };
}

/** Undefined while the file is not there or not complete. */
function parseReadyFile(text: string): ReadyFile | undefined {
  try {
    return JSON.parse(text) as ReadyFile;
  } catch {
    return undefined;
  }
}

function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `exit code ${String(exit.code)}` : `signal ${exit.signal}`;
}
