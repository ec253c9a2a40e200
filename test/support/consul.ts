// Consul's last free version that Debian has, unpacked beside the checkout and never installed.
import { join } from 'node:path';
import { programsFromSuite } from '../../deploy/local/debian-suite.mjs';
import { Child } from './child.ts';
import { defer } from './cleanup.ts';
import { freePort } from './free-port.ts';
import { tempFolder } from './temp-folder.ts';
import { waitUntil } from './wait-until.ts';

/** How a Consul of the test is set up. */
export interface ConsulOptions {
  readonly datacenter?: string;
  readonly machine?: string;
  /** Turns access control on, with this token allowed to do everything and everybody else nothing. */
  readonly masterToken?: string;
  /** Joins the servers of another datacenter. */
  readonly joinWan?: RunningConsul;
}

/** A Consul of the test's own, server and client in one, empty, in memory. */
export class RunningConsul {
  readonly url: string;
  readonly wanAddress: string;
  readonly #start: () => Child;
  readonly #token: string | undefined;
  #child: Child;

  constructor(options: { httpPort: number; wanPort: number; token: string | undefined; start: () => Child }) {
    this.url = `http://127.0.0.1:${options.httpPort}`;
    this.wanAddress = `127.0.0.1:${options.wanPort}`;
    this.#token = options.token;
    this.#start = options.start;
    this.#child = options.start();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process has ended. */
  async ended(): Promise<void> {
    await this.#child.exited;
  }

  /** Starts it again on the same ports, with nothing in its memory. */
  async restart(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
    this.#child = this.#start();
    await this.ready();
  }

  /** Resolves when it has a leader and its own machine is in the catalogue. */
  async ready(): Promise<void> {
    await waitUntil(
      'consul is up',
      async () => {
        if (this.#child.exit !== undefined) throw new Error(this.#child.tail());
        try {
          const nodes = await this.call('GET', '/catalog/nodes');
          return Array.isArray(nodes) && nodes.length > 0;
        } catch {
          return false;
        }
      },
      { timeoutMs: 30_000 },
    );
  }

  /** Calls its API as the master and resolves with the parsed answer; rejects with what it said otherwise. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}/v1${path}`, {
      method,
      ...(this.#token === undefined ? {} : { headers: { 'x-consul-token': this.#token } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(5_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`consul said ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}

/** Starts a Consul on free loopback ports and resolves when it serves. The first time ever takes some 10 s more. */
export async function startConsul(options: ConsulOptions = {}): Promise<RunningConsul> {
  const program = await consulProgram();
  const folder = await tempFolder();
  const [httpPort, serverPort, lanPort, wanPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const { datacenter = 'dc1', machine = 'machine-1', masterToken, joinWan } = options;
  const acl = {
    enabled: true,
    default_policy: 'deny',
    tokens: { master: masterToken, agent: masterToken },
  };
  const settings = {
    datacenter,
    node_name: machine,
    bind_addr: '127.0.0.1',
    ports: { http: httpPort, dns: -1, grpc: -1, server: serverPort, serf_lan: lanPort, serf_wan: wanPort },
    disable_update_check: true,
    ...(masterToken === undefined ? {} : { acl }),
    ...(joinWan === undefined ? {} : { retry_join_wan: [joinWan.wanAddress], retry_interval_wan: '1s' }),
  };
  const args = ['agent', '-dev', '-log-level', 'warn', '-hcl', JSON.stringify(settings)];
  const start = (): Child => new Child({ name: 'consul', program, args, cwd: folder });
  const consul = new RunningConsul({ httpPort, wanPort, token: masterToken, start });
  // It lives as long as where it was first started, also when a test restarts it meanwhile.
  defer(async () => {
    consul.kill('SIGKILL');
    await consul.ended();
  });
  await consul.ready();
  return consul;
}

/** The program, started through the loader and the C library that were unpacked with it. */
async function consulProgram(): Promise<string> {
  const folder = await programsFromSuite({ suite: 'bullseye', package: 'consul', programs: ['consul'] });
  return join(folder, 'consul');
}
