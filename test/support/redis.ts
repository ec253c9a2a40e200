import { startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { tempFolder } from './temp-folder.ts';
import { waitUntil } from './wait-until.ts';

/** A Redis of the test's own, empty, in memory. */
export interface RunningRedis {
  readonly url: string;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a Redis server on a free loopback port and resolves when it accepts connections. */
export async function startRedis(): Promise<RunningRedis> {
  const port = await freePort();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'];
  const child = startChild({ name: 'redis-server', program: 'redis-server', args, cwd: await tempFolder() });
  await waitUntil('redis accepts connections', () => {
    if (child.exit !== undefined) throw new Error(child.tail());
    return child.stdout.includes('Ready to accept connections');
  });
  return { url: `redis://127.0.0.1:${port}`, kill: (signal) => child.kill(signal) };
}
