import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { defer } from './cleanup.ts';

/** A way to a server that tests can close. */
export interface TcpGate {
  readonly port: number;
  /** Resets all connections, and refuses new ones until `open`. */
  close(): void;
  open(): void;
}

/** Listens on a free loopback port and forwards to another one. */
export async function startTcpGate(targetPort: number): Promise<TcpGate> {
  let isOpen = true;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (!isOpen) {
      client.resetAndDestroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    isOpen = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  defer(() => {
    close();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    close,
    open: () => {
      isOpen = true;
    },
  };
}
