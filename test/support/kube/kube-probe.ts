import { once } from 'node:events';
import { connect } from 'node:net';
import type { Container, Probe } from '../chart-workloads.ts';

/** Asks once; true when the answer is that all is well. */
export async function isProbedWell(probe: Probe, container: Container, host: string): Promise<boolean> {
  const { httpGet, tcpSocket, timeoutSeconds = 1 } = probe;
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    if (httpGet !== undefined) {
      const response = await fetch(`http://${host}:${portOf(httpGet.port, container)}${httpGet.path}`, {
        signal,
      });
      await response.arrayBuffer();
      return response.status >= 200 && response.status < 400;
    }
    const socket = connect({ host, port: portOf(tcpSocket?.port ?? 0, container), signal });
    await once(socket, 'connect');
    socket.destroy();
    return true;
  } catch {
    return false;
  }
}

function portOf(port: string | number, { ports = [] }: Container): number {
  return ports.find(({ name }) => name === port)?.containerPort ?? Number(port);
}
