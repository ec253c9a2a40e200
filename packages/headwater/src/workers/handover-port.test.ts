import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionGate } from '../connection-gate.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { SystemClock } from '../system-clock.ts';
import { HandoverPort } from './handover-port.ts';
import type { Newcomer } from './worker-process.ts';

const metrics = new PrometheusMetrics();
let gate: ConnectionGate;
let port: HandoverPort;
let newcomers: Newcomer[];
let peers: Socket[];

beforeEach(async () => {
  const limits = {
    connections: 1,
    connectionsPerAddress: 9,
    newConnectionsPerAddressPerSecond: 9,
    exemptAddresses: [],
  };
  gate = new ConnectionGate(limits, new SystemClock());
  newcomers = [];
  peers = [];
  port = new HandoverPort({
    port: 'http',
    gate,
    metrics,
    trusted: undefined,
    dispatch: (newcomer) => newcomers.push(newcomer),
  });
  port.server.listen(0, '127.0.0.1');
  await once(port.server, 'listening');
});

afterEach(() => {
  for (const socket of [...peers, ...newcomers.map((newcomer) => newcomer.socket)]) socket.destroy();
  port.server.close();
});

function peer(): Socket {
  const socket = connect((port.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  peers.push(socket);
  return socket;
}

function failed(): never {
  throw new Error('nobody came');
}

describe('HandoverPort', () => {
  it('hands on a connection of which nothing was read, with its place at the gate', async () => {
    peer().write('first words');
    await vi.waitFor(() => expect(newcomers).toHaveLength(1));
    const { port: name, socket, release } = newcomers[0] ?? failed();
    expect([name, socket.bytesRead, gate.open]).toEqual(['http', 0, 1]);
    socket.resume();
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('first words');
    release();
    expect(gate.open).toBe(0);
  });

  it('turns away whom the gate does not let in, and counts it', async () => {
    peer();
    await vi.waitFor(() => expect(newcomers).toHaveLength(1));
    await once(peer(), 'close');
    expect(newcomers).toHaveLength(1);
    expect(await metrics.render()).toContain(
      'headwater_connections_refused_total{port="http",limit="node_connections"} 1',
    );
  });
});
