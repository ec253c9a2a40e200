import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AddressList } from './address-list.ts';
import { clientAddressOf } from './client-address.ts';
import { ConnectionGate } from './connection-gate.ts';
import { Entrance } from './entrance.ts';
import { PrometheusMetrics } from './prometheus-metrics.ts';
import { ProxyGreeting } from './proxy-protocol/proxy-greeting.ts';
import { ipv4Body, proxyBinary, proxyLine } from './testing/proxy-headers.ts';

const deadlineMs = 10_000;
const loopback = '127.0.0.1';

let clock: ManualClock;
let gate: ConnectionGate;
let metrics: PrometheusMetrics;
let servers: Server[];
let seen: { address: string; text: string }[];

beforeEach(() => {
  clock = new ManualClock();
  const limits = { connections: 4, connectionsPerAddress: 2, newConnectionsPerAddressPerSecond: 10 };
  gate = new ConnectionGate({ ...limits, exemptAddresses: [] }, clock);
  metrics = new PrometheusMetrics();
  servers = [];
  seen = [];
});

afterEach(async () => {
  await Promise.all(servers.map(async (server) => new Promise((resolve) => server.close(resolve))));
});

/** A port that notes what it reads, and from whom. */
function textServer(): Server {
  return createServer((socket) => {
    const entry = { address: clientAddressOf(socket), text: '' };
    seen.push(entry);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => (entry.text += bytes.toString('latin1')));
  });
}

async function open(server: Server, trusted: readonly string[] = [loopback]): Promise<Entrance> {
  const greeting = new ProxyGreeting({ port: 'rtmp', deadlineMs, clock, metrics, logger: silentLogger });
  const proxies = { trusted: new AddressList(trusted), greeting };
  const entrance = new Entrance({ port: 'rtmp', gate, metrics, proxies });
  entrance.guard(server);
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  servers.push(server);
  return entrance;
}

async function dial(from = loopback): Promise<Socket> {
  const [server] = servers;
  const { port } = server?.address() as AddressInfo;
  const socket = connect({ port, host: loopback, localAddress: from });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the other side has closed. */
async function closed(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

async function count(name: string, labels: string): Promise<number> {
  const [, value = '0'] =
    new RegExp(`^${name}\\{${labels}\\} (\\d+)$`, 'm').exec(await metrics.render()) ?? [];
  return Number(value);
}

const refusedHeaders = async (fault: string): Promise<number> =>
  count('headwater_proxy_headers_refused_total', `port="rtmp",fault="${fault}"`);

describe('Entrance', () => {
  it.each([
    ['version 1', proxyLine('TCP4 198.51.100.7 192.0.2.250 56324 1935'), '198.51.100.7'],
    ['version 2', proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7')), '198.51.100.7'],
    ['LOCAL', proxyBinary(0x20, 0), loopback],
  ])('gives the bytes behind a header of %s to the protocol', async (_, header, address) => {
    await open(textServer());
    const whole = await dial();
    whole.write(Buffer.concat([header, Buffer.from('first')]));
    whole.write(' second');
    const split = await dial();
    split.write(header.subarray(0, 9));
    await vi.waitFor(() => {
      expect(seen).toEqual([{ address, text: 'first second' }]);
    });
    split.write(header.subarray(9));
    split.write('alone');
    await vi.waitFor(() => {
      expect(seen).toEqual([
        { address, text: 'first second' },
        { address, text: 'alone' },
      ]);
    });
    for (const socket of [whole, split]) socket.destroy();
  });

  it('limits the clients that a proxy names, and not the proxy', async () => {
    await open(textServer());
    const one = proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7'));
    const other = proxyBinary(0x21, 0x11, ipv4Body('198.51.100.8'));
    const sockets: Socket[] = [];
    for (const header of [one, one, other, one]) {
      const socket = await dial();
      socket.write(header);
      sockets.push(socket);
    }
    const [, , , third] = sockets;
    if (third !== undefined) await closed(third);
    expect(seen.map(({ address }) => address)).toEqual(['198.51.100.7', '198.51.100.7', '198.51.100.8']);
    const limit = 'port="rtmp",limit="address_connections"';
    expect(await count('headwater_connections_refused_total', limit)).toBe(1);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => {
      expect(gate.open).toBe(0);
    });
  });

  it('counts a proxy that has not named its client for the limit of the node', async () => {
    await open(textServer());
    const sockets = [await dial(), await dial(), await dial(), await dial()];
    await vi.waitFor(() => {
      expect(gate.open).toBe(4);
    });
    await closed(await dial());
    const limit = 'port="rtmp",limit="node_connections"';
    expect(await count('headwater_connections_refused_total', limit)).toBe(1);
    for (const socket of sockets) socket.destroy();
  });

  it('does not believe a header of somebody who is not trusted', async () => {
    await open(textServer());
    const header = proxyBinary(0x21, 0x11, ipv4Body('198.51.100.7'));
    const socket = await dial('127.0.0.2');
    socket.write(header);
    await vi.waitFor(() => {
      expect(seen).toEqual([{ address: '127.0.0.2', text: header.toString('latin1') }]);
    });
    socket.destroy();
  });

  it('closes a trusted peer that begins without a header', async () => {
    await open(textServer());
    const socket = await dial();
    socket.write(Buffer.from([3, 0, 0, 0]));
    await closed(socket);
    expect(await refusedHeaders('malformed')).toBe(1);
    expect(seen).toEqual([]);
  });

  it('closes a trusted peer whose header does not come to its end in time', async () => {
    await open(textServer());
    const socket = await dial();
    socket.write('PROXY TCP4');
    await vi.waitFor(() => {
      expect(gate.open).toBe(1);
    });
    clock.advance(deadlineMs - 1);
    expect(gate.open).toBe(1);
    clock.advance(1);
    await closed(socket);
    expect(await refusedHeaders('late')).toBe(1);
  });

  it('reports a peer that leaves within its header, and not one that says nothing', async () => {
    await open(textServer());
    const silent = await dial();
    silent.end();
    await closed(silent);
    const half = await dial();
    half.end('PROXY');
    await closed(half);
    expect(await refusedHeaders('incomplete')).toBe(1);
  });

  it('cuts those who have not said whose they are when it is closed', async () => {
    const entrance = await open(textServer());
    const socket = await dial();
    await vi.waitFor(() => {
      expect(gate.open).toBe(1);
    });
    entrance.close();
    await closed(socket);
    expect(gate.open).toBe(0);
  });

  it('serves HTTP behind a header, whether the request comes with it or later', async () => {
    const http = createHttpServer((request, response) => {
      response.end(clientAddressOf(request.socket));
    });
    await open(http);
    const header = proxyLine('TCP4 198.51.100.7 192.0.2.250 56324 80');
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const together = await dial();
    together.write(Buffer.concat([header, request]));
    const [answer] = (await once(together, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK[^]*198\.51\.100\.7/);
    const apart = await dial();
    apart.write(Buffer.concat([header, request.subarray(0, 10)]));
    await vi.waitFor(() => {
      expect(gate.open).toBeGreaterThan(0);
    });
    apart.write(request.subarray(10));
    const [second] = (await once(apart, 'data')) as [Buffer];
    expect(second.toString()).toContain('198.51.100.7');
    for (const socket of [together, apart]) socket.destroy();
  });
});
