import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startChild } from './child.ts';
import { defer } from './cleanup.ts';
import { freePort } from './free-port.ts';
import { type RunningRedis, startRedis } from './redis.ts';
import { tempFolder } from './temp-folder.ts';
import { waitUntil } from './wait-until.ts';

/** A master with one replica, watched by three Sentinels. */
export interface RunningSentinels {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly master: string;
  /** The servers; the first one was the master at the start. */
  readonly servers: readonly [RunningRedis, RunningRedis];
  /** The port of the server that the Sentinels name as master now. */
  masterPort(): Promise<number>;
}

/** Starts them all, and resolves when the Sentinels know the replica and each other. */
export async function startSentinels(): Promise<RunningSentinels> {
  const master = 'mymaster';
  const first = await startRedis();
  const second = await startRedis({ args: ['--replicaof', '127.0.0.1', String(first.port)] });
  const ports = [await freePort(), await freePort(), await freePort()];
  const folder = await tempFolder();
  for (const port of ports) {
    const file = join(folder, `${port}.conf`);
    await writeFile(
      file,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor ${master} 127.0.0.1 ${first.port} 2`,
        `sentinel down-after-milliseconds ${master} 500`,
        `sentinel failover-timeout ${master} 3000`,
        '',
      ].join('\n'),
    );
    startChild({ name: 'redis-sentinel', program: 'redis-server', args: [file, '--sentinel'], cwd: folder });
  }
  const asked = new Redis({ port: ports[0] ?? 0, host: '127.0.0.1', protocol: 2, enableReadyCheck: false });
  asked.on('error', () => undefined);
  defer(() => asked.disconnect());
  await waitUntil('the sentinels know each other and the replica', async () => {
    const state = await sentinelState(asked, master);
    return state.get('num-slaves') === '1' && state.get('num-other-sentinels') === '2';
  });
  await waitUntil('the replica follows', async () =>
    (await second.client().info()).includes('master_link_status:up'),
  );
  return {
    sentinels: ports.map((port) => ({ host: '127.0.0.1', port })),
    master,
    servers: [first, second],
    masterPort: async () => {
      const address = await asked.call('SENTINEL', 'get-master-addr-by-name', master);
      return Number((address as string[])[1]);
    },
  };
}

async function sentinelState(client: Redis, master: string): Promise<Map<string, string>> {
  const flat = (await client.call('SENTINEL', 'master', master)) as string[];
  const state = new Map<string, string>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    state.set(flat[index] ?? '', flat[index + 1] ?? '');
  }
  return state;
}
