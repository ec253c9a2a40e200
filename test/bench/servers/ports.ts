import { once } from 'node:events';
import net from 'node:net';
import type { OwnedProcess } from '../measure/owned-process.ts';
import { LOOPBACK } from './contender.ts';

const READY_DEADLINE_MS = 15_000;
const RETRY_MS = 25;

/** A port that was free a moment ago, for servers that cannot be told to choose one. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Waits until the server accepts on the port; fails when it ends before or does not in time. */
export async function waitForPort(server: OwnedProcess, port: number): Promise<void> {
  await waitUntil(server, `port ${String(port)}`, () => canConnect(port));
}

/** Waits until `isReady`; fails when the server ends before or is not ready in time. */
export async function waitUntil(
  server: OwnedProcess,
  what: string,
  isReady: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = performance.now() + READY_DEADLINE_MS;
  while (!(await server.orDeath(Promise.resolve(isReady())))) {
    if (performance.now() > deadline) throw new Error(`${what}: not ready in time`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, LOOPBACK);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
