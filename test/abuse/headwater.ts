// Starts the built program for the attacks: every role in one process, on loopback, with deadlines short enough to wait
// for. Its lifetime is the runner's and not one test's, so that it can be started again after a death.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ReadyFile } from '../support/headwater.ts';
import type { Address } from './raw-connection.ts';
import { type Bounds, type RunningServer, runningServer } from './server.ts';

const program = resolve(import.meta.dirname, '../../packages/headwater/dist/main.js');
const readyWithinMs = 20_000;

/** What the program is started with, and when the deadlines of it are over for the attackers. */
const settings = {
  bind: '127.0.0.1',
  'rtmp.port': '0',
  'http.port': '0',
  'admin.port': '0',
  'relay.port': '0',
  'limits.handshake': '2s',
  'limits.idle': '4s',
  'viewer.softDelay': '1s',
  'viewer.hardDelay': '4s',
  'viewer.waitForStream': '2s',
  'viewer.linger': '1s',
  hold: '2s',
};
const bounds: Bounds = {
  handshakeMs: 2000,
  idleMs: 4000,
  httpHeadersMs: 2000,
  adminHeadersMs: 10_000,
  slowViewerMs: 8000,
};

/** Starts it and resolves once all listeners accept. More settings are added to, or replace, the usual ones. */
export async function launchHeadwater(more: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-abuse-'));
  const readyFile = join(folder, 'ready.json');
  const set = Object.entries({ ...settings, ...more }).flatMap(([key, value]) => [
    '--set',
    `${key}=${value}`,
  ]);
  const child = spawn(process.execPath, [program, 'all', '--ready-file', readyFile, ...set], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const unset = { host: '', port: 0 };
  const starting = runningServer(child, { rtmp: unset, app: 'live', bounds }, folder);
  try {
    const ready = await readReadyFile(readyFile, starting);
    const target = { ...listeners(ready), pid: ready.pid, app: 'live', bounds };
    return { ...starting, target, listed: async () => listed(ready.admin ?? '') };
  } catch (error) {
    await starting.stop();
    throw error;
  }
}

/** The query that may publish to a guarded server. */
export const guardedQuery = '?token=may-publish';

/** The same, but publishing needs the token of `guardedQuery`; playing is open. */
export async function launchGuardedHeadwater(): Promise<RunningServer> {
  return launchHeadwater({
    'access.kind': 'keys',
    'access.keys': '{ "*": { publish: [may-publish], play: open } }',
  });
}

async function readReadyFile(file: string, server: RunningServer): Promise<ReadyFile> {
  const deadline = performance.now() + readyWithinMs;
  while (server.isAlive() && performance.now() < deadline) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.trimEnd().endsWith('}')) return JSON.parse(text) as ReadyFile;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`headwater did not become ready: ${server.lastOutput().slice(-2000)}`);
}

/** All streams and sessions that the admin API knows. */
async function listed(admin: string): Promise<string[]> {
  const read = async (path: string): Promise<ListedItem[]> => {
    const response = await fetch(`http://${admin}/api/v1/${path}`);
    return ((await response.json()) as { items: ListedItem[] }).items;
  };
  const [streams, sessions] = [await read('streams'), await read('sessions')];
  return [
    ...streams.map((stream) => `stream ${stream.key ?? ''} (${stream.state ?? ''})`),
    ...sessions.map((session) => `${session.role ?? ''} of ${session.stream ?? ''}`),
  ];
}

interface ListedItem {
  readonly key?: string;
  readonly state?: string;
  readonly role?: string;
  readonly stream?: string;
}

function listeners(
  ready: ReadyFile,
): { rtmp: Address } & Partial<Record<'http' | 'admin' | 'relay', Address>> {
  const found: { http?: Address; admin?: Address; relay?: Address } = {};
  for (const name of ['http', 'admin', 'relay'] as const) {
    const text = ready[name];
    if (text !== undefined) found[name] = parseAddress(text);
  }
  return { rtmp: parseAddress(ready.rtmp ?? ''), ...found };
}

/** Reads `host:port`. */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
