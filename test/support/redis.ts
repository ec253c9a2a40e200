import { Redis } from 'ioredis';
import { type Child, startChild } from './child.ts';
import { defer } from './cleanup.ts';
import { freePort } from './free-port.ts';
import { tempFolder } from './temp-folder.ts';
import { waitUntil } from './wait-until.ts';

/** A Redis of the test's own, empty, in memory. */
export interface RunningRedis {
  readonly url: string;
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
  /** A plain client of it, closed with the test; for looking and for breaking things. */
  client(): Redis;
}

/** Starts a Redis server on a free loopback port, or on a given one, and resolves when it accepts connections. */
export async function startRedis(
  options: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<RunningRedis> {
  const port = options.port ?? (await freePort());
  const child = await startServer('redis-server', [
    ...['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
    ...['--enable-debug-command', 'yes', ...(options.args ?? [])],
  ]);
  await waitUntil('redis accepts connections', () => {
    if (child.exit !== undefined) throw new Error(child.tail());
    return child.stdout.includes('Ready to accept connections');
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill: (signal) => child.kill(signal),
    client: () => {
      const client = new Redis({ port, host: '127.0.0.1', protocol: 2 });
      client.on('error', () => undefined);
      defer(() => client.disconnect());
      return client;
    },
  };
}

async function startServer(name: string, args: readonly string[]): Promise<Child> {
  return startChild({ name, program: name, args: [...args], cwd: await tempFolder() });
}
