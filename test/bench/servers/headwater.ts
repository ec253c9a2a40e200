import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loopLagProbe } from '../measure/loop-lag.ts';
import type { OwnedProcess } from '../measure/owned-process.ts';
import { LOOPBACK, type Contender, type LatencyClass, type StartOptions } from './contender.ts';
import { freePort, waitForPort, waitUntil } from './ports.ts';

const program = fileURLToPath(new URL('../../../packages/headwater/dist/main.js', import.meta.url));

interface ReadyFile {
  readonly rtmp: string;
  /** Absent where the node has no viewers. */
  readonly http?: string;
  readonly admin: string;
}

/** A way to run the program, and the class that it then is in. */
export interface HeadwaterVariant {
  readonly name: string;
  /** What viewers ask for. */
  readonly query?: string;
  /** Settings beside the ports. */
  readonly settings?: readonly string[];
  latencyClass(viewers: number): LatencyClass;
}

/** The class that the default settings choose. */
export function defaultLatencyClass(viewers: number): LatencyClass {
  if (viewers < 300) return 'each frame';
  return viewers < 1500 ? '100 ms' : '350 ms';
}

/** Settings of a node that refuses nobody because it is busy, as no other server does. */
export const unlimited: readonly string[] = ['limits.loopBusy=0', 'limits.loopLag=0ms'];

/** Settings that gather frames for one time whatever the number of viewers. */
export function alwaysMerging(merge: string): string[] {
  return ['fanOut.immediateBelowViewers=0', `fanOut.merge=${merge}`, `fanOut.manyMerge=${merge}`];
}

/** The built program with all roles in one process. */
export function headwater(variant: HeadwaterVariant): Contender {
  const { name, query = '', settings = [] } = variant;
  return {
    name,
    formats: ['rtmp', 'flv'],
    query,
    latencyClass: (viewers) => variant.latencyClass(viewers),
    unavailable: () => (existsSync(program) ? undefined : 'headwater is not built'),
    start: async (options) => {
      const { server, ready } = await startNode('all', name, settings, options);
      return {
        process: server,
        ports: { rtmp: portOf(ready.rtmp), flv: portOf(ready.http ?? '') },
        adminUrl: `http://${ready.admin}`,
        needsPublisher: true,
      };
    },
  };
}

const redisServer = 'redis-server';

function clusterUnavailable(): string | undefined {
  if (!existsSync(program)) return 'headwater is not built';
  return spawnSync(redisServer, ['--version']).status === 0 ? undefined : 'redis-server is not installed';
}

/** Starts what a cluster registers in; returns the settings of its nodes. */
async function startRedis(launch: StartOptions['launch']): Promise<string[]> {
  const port = await freePort();
  const redis = launch({
    title: 'redis-server',
    command: redisServer,
    args: ['--port', String(port), '--bind', LOOPBACK, '--save', ''],
  });
  await waitForPort(redis, port);
  return ['registry.kind=redis', `registry.redis.url=redis://${LOOPBACK}:${String(port)}`];
}

/** An origin of a cluster, for publishers only; Redis is not counted. */
export const headwaterOrigin: Contender = {
  name: 'headwater-origin',
  formats: [],
  query: '',
  latencyClass: defaultLatencyClass,
  unavailable: clusterUnavailable,
  start: async (options) => {
    const registry = await startRedis(options.launch);
    const { server, ready } = await startNode('origin', 'headwater-origin', registry, options);
    return {
      process: server,
      ports: { rtmp: portOf(ready.rtmp) },
      adminUrl: `http://${ready.admin}`,
      needsPublisher: true,
    };
  },
};

/** An edge of a cluster, which pulls the stream over the network; its origin and Redis are not counted, nor on its core. */
export function headwaterEdge({ name, query = '', settings = [], ...variant }: HeadwaterVariant): Contender {
  return {
    name,
    formats: ['rtmp', 'flv'],
    query,
    latencyClass: (viewers) => variant.latencyClass(viewers),
    unavailable: clusterUnavailable,
    start: async (options) => {
      const registry = await startRedis(options.launchAside);
      const aside = { ...options, launch: options.launchAside };
      const origin = await startNode('origin', 'headwater-origin', registry, aside);
      const { server, ready } = await startNode('edge', name, [...registry, ...settings], options);
      return {
        process: server,
        ports: { rtmp: portOf(ready.rtmp), flv: portOf(ready.http ?? '') },
        publishPort: portOf(origin.ready.rtmp),
        adminUrl: `http://${ready.admin}`,
        needsPublisher: true,
      };
    },
  };
}

async function startNode(
  role: 'all' | 'origin' | 'edge',
  title: string,
  settings: readonly string[],
  { directory, launch }: StartOptions,
): Promise<{ readonly server: OwnedProcess; readonly ready: ReadyFile }> {
  const readyFile = path.join(directory, `${role}.json`);
  const all = [`node.id=${role}`, 'rtmp.port=0', 'http.port=0', 'admin.port=0', 'relay.port=0', ...settings];
  const set = all.flatMap((setting) => ['--set', setting]);
  const server = launch({
    title,
    command: process.execPath,
    args: [...loopLagProbe, program, role, ...set, '--ready-file', readyFile],
  });
  await waitUntil(server, title, () => existsSync(readyFile) && readFileSync(readyFile).length > 0);
  return { server, ready: JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFile };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
