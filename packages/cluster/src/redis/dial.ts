// Makes one connection to the server that holds the registry at the moment. Each attempt is a client of its own, without
// retries or queues: who keeps a connection decides when to try again.
import { Redis, type RedisOptions } from 'ioredis';
import { luaScripts } from '../generated/lua-scripts.ts';
import { registryKeyCount } from './registry-keys.ts';
import type { ClusterRedis, RedisAccess, RedisAddress, RedisServer } from './redis-server.ts';
import { slotMaster, slotOf } from './cluster-slots.ts';

/** What to connect to and how. */
export interface DialOptions {
  readonly server: RedisServer;
  readonly access: RedisAccess;
  /** The hash tag of the registry's keys. */
  readonly tag: string;
  readonly connectMs: number;
  /** Shown by CLIENT LIST. */
  readonly connectionName: string;
}

/** A connection that is ready for commands. Rejects with what ioredis says. */
export async function dial(options: DialOptions): Promise<Redis> {
  const { server } = options;
  if (server.kind === 'cluster') return await dialCluster(server, options);
  const base = clientOptions(options);
  if (server.kind === 'single') {
    return await connected(new Redis(withoutAccess(server.url, options.access), base), options.connectMs);
  }
  const { sentinels, master, sentinelUsername, sentinelPassword } = server;
  const client = new Redis({
    ...base,
    sentinels: sentinels.map((address) => ({ ...address })),
    name: master,
    role: 'master',
    sentinelRetryStrategy: () => null,
    sentinelReconnectStrategy: () => null,
    sentinelCommandTimeout: options.connectMs,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(options.access.tls === undefined
      ? {}
      : { sentinelTLS: options.access.tls, enableTLSForSentinelMode: true }),
  });
  return await connected(client, options.connectMs);
}

/** ioredis prefers what the URL says; here the options do. */
function withoutAccess(text: string, { username, password }: RedisAccess): string {
  if (username === undefined && password === undefined) return text;
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}

function clientOptions({
  access,
  connectMs,
  connectionName,
}: DialOptions): Omit<RedisOptions, 'replyMapping'> {
  return {
    lazyConnect: true,
    protocol: 2,
    connectionName,
    connectTimeout: connectMs,
    disconnectTimeout: 200,
    enableOfflineQueue: false,
    enableReadyCheck: true,
    maxLoadingRetryTime: connectMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => null,
    scripts: Object.fromEntries(
      Object.entries(luaScripts).map(([name, lua]) => [
        name,
        { lua, numberOfKeys: name === 'set-aside' ? 2 : registryKeyCount },
      ]),
    ),
    ...(access.username === undefined ? {} : { username: access.username }),
    ...(access.password === undefined ? {} : { password: access.password }),
    ...(access.tls === undefined ? {} : { tls: access.tls }),
  };
}

/** Every node that is known is asked, one after the other, who serves the slot; the master is then dialled. */
async function dialCluster(server: ClusterRedis, options: DialOptions): Promise<Redis> {
  const slot = slotOf(options.tag);
  let failure: unknown = new Error('no cluster node is configured');
  for (const seed of rotated(server.nodes)) {
    let asked: Redis | undefined;
    try {
      asked = await connected(new Redis({ ...clientOptions(options), ...seed }), options.connectMs);
      const master = slotMaster(await asked.call('CLUSTER', 'SLOTS'), slot, seed);
      if (isSame(master, seed)) {
        const found = asked;
        asked = undefined;
        return found;
      }
      return await connected(new Redis({ ...clientOptions(options), ...master }), options.connectMs);
    } catch (caught) {
      failure = caught;
    } finally {
      asked?.disconnect();
    }
  }
  throw failure;
}

function rotated(nodes: readonly RedisAddress[]): readonly RedisAddress[] {
  const start = Math.floor(Math.random() * nodes.length);
  return [...nodes.slice(start), ...nodes.slice(0, start)];
}

function isSame(a: RedisAddress, b: RedisAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

/** The whole handshake is bounded: a frozen server accepts connections and then says nothing. */
async function connected(client: Redis, limitMs: number): Promise<Redis> {
  let failure: unknown;
  client.on('error', (error: unknown) => (failure = error));
  const timer = setTimeout(() => {
    failure ??= new Error(`no connection within ${limitMs} ms`);
    client.disconnect();
  }, limitMs);
  try {
    await client.connect();
    return client;
  } catch (caught) {
    client.disconnect();
    throw failure ?? caught;
  } finally {
    clearTimeout(timer);
  }
}
