// Starts node-media-server from its npm package, in a process of its own and with its stock program.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RawConnection } from './raw-connection.ts';
import { defaultBounds, type RunningServer, runningServer } from './server.ts';

/** What to change in the configuration. */
export interface NodeMediaServerOptions {
  /** Demand signed URLs for publishing, with this secret. */
  readonly authSecret?: string;
  /** Admin account; its API starts relays. */
  readonly admin?: { readonly username: string; readonly password: string };
}

const host = '127.0.0.1';
const program = createRequire(import.meta.url).resolve('node-media-server/bin/app.js');

/** Starts it on free ports and resolves once both listeners accept. */
export async function launchNodeMediaServer(options: NodeMediaServerOptions = {}): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), 'node-media-server-'));
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  const { authSecret, admin } = options;
  const config = {
    bind: host,
    rtmp: { port: rtmpPort },
    http: { port: httpPort },
    store: { path: folder },
    webadmin: { enable: false },
    auth: {
      play: false,
      publish: authSecret !== undefined,
      secret: authSecret ?? 'unused',
      ...(admin === undefined ? {} : { jwt: { secret: 'interop', users: [{ ...admin, role: 'admin' }] } }),
    },
  };
  const configFile = join(folder, 'config.json');
  await writeFile(configFile, JSON.stringify(config));
  const child = spawn(process.execPath, [program, '-c', configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [rtmp, http] = [
    { host, port: rtmpPort },
    { host, port: httpPort },
  ];
  const pid = child.pid;
  const watched = pid === undefined ? {} : { pid };
  const server = runningServer(child, { rtmp, http, app: 'live', bounds: defaultBounds, ...watched }, folder);
  await Promise.all([accepts(server, rtmp.port), accepts(server, http.port)]);
  return server;
}

/** The query of a URL that may publish `live/NAME`. */
export function signedQuery(name: string, secret: string): string {
  const expires = Math.floor(Date.now() / 1000) + 3600;
  const digest = createHash('md5').update(`/live/${name}-${expires}-${secret}`).digest('hex');
  return `?sign=${expires}-${digest}`;
}

async function accepts(server: RunningServer, port: number): Promise<void> {
  for (let attempt = 0; attempt < 200 && server.isAlive(); attempt += 1) {
    const connection = await RawConnection.open({ host, port }).catch(() => undefined);
    if (connection !== undefined) {
      connection.destroy();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`node-media-server did not start: ${server.lastOutput().slice(-500)}`);
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
