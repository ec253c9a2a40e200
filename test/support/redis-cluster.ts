import { runChild } from './child.ts';
import { type RunningRedis, startRedis } from './redis.ts';
import { waitUntil } from './wait-until.ts';

/** A Redis Cluster of masters that share the slots. */
export interface RunningRedisCluster {
  readonly servers: readonly RunningRedis[];
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
}

/** Starts a cluster of three nodes, and resolves when all of them can serve. */
export async function startRedisCluster(): Promise<RunningRedisCluster> {
  const servers: RunningRedis[] = [];
  for (let index = 0; index < 3; index++) {
    servers.push(await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }));
  }
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  const addresses = nodes.map(({ host, port }) => `${host}:${port}`);
  await runChild({
    name: 'redis-cli',
    program: 'redis-cli',
    args: ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes'],
  });
  for (const server of servers) {
    const client = server.client();
    await waitUntil('the cluster is up', async () =>
      ((await client.call('CLUSTER', 'INFO')) as string).includes('cluster_state:ok'),
    );
  }
  return { servers, nodes };
}
