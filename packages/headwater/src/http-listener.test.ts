import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { CrossOriginRule } from '@headwater/edge';
import { EdgeRig } from '@headwater/edge/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { noteProxiedClient } from './client-address.ts';
import { HttpListener } from './http-listener.ts';

let rig: EdgeRig;
let listener: HttpListener;
let accepted: Socket[];
let client: Socket;

beforeEach(async () => {
  rig = await EdgeRig.start();
  listener = new HttpListener({
    clock: rig.clock,
    apps: ['live'],
    edge: rig.edge,
    crossOrigin: new CrossOriginRule(['*']),
    fallbacks: [],
    headTimeoutMs: 10_000,
  });
  accepted = [];
  listener.server.on('connection', (socket) => accepted.push(socket));
  await new Promise<void>((resolve) => listener.server.listen(0, '127.0.0.1', resolve));
  const { port } = listener.server.address() as AddressInfo;
  // Does not close its side by itself.
  client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(client, 'connect');
});

afterEach(async () => {
  client.destroy();
  await rig.close();
  listener.cutConnections();
  await new Promise((resolve) => listener.server.close(resolve));
});

const upgradeTo = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

it.each(['/nothing/here', '/unknown/cam1.flv'])(
  'an upgrade to %s is answered why, and its connection cut when the peer does not close it',
  async (path) => {
    client.write(upgradeTo(path));
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 404 .*urn:headwater:error:/s);
    rig.clock.advance(5_000);
    expect(accepted[0]?.destroyed).toBe(true);
  },
);

it.each([
  ['HEAD', /^HTTP\/1\.1 404 /],
  ['OPTIONS', /^HTTP\/1\.1 204 /],
])(
  '%s from somebody who would rather speak HTTP/2 is answered like others, once',
  async (method, expected) => {
    const head = `${method} /live/cam1.flv HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n`;
    client.write(`${head}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`);
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(expected);
    expect(answer.toString()).toMatch(/^connection: close\r$/im);
    await once(client, 'end');
    expect(accepted[0]?.destroyed).toBe(false);
    rig.clock.advance(5_000);
    expect(accepted[0]?.destroyed).toBe(true);
  },
);

it('a request of HTTP/1.0 without a Host is answered like others', async () => {
  client.write('HEAD /live/cam1.flv HTTP/1.0\r\n\r\n');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
  expect([...rig.ends]).toEqual([['stream_not_found', 1]]);
});

it.each(['GET /live/cam1.flv HTTP/1.1\r\nHost: a\r\n\r\n', upgradeTo('/live/cam1.flv')])(
  'a request behind one that takes the connection over ends the connection: %j',
  async (second) => {
    client.write(`GET /live/cam1.flv HTTP/1.1\r\nHost: a\r\n\r\n${second}`);
    await vi.waitFor(() => {
      expect(accepted[0]?.destroyed).toBe(true);
    });
    await vi.waitFor(() => {
      expect(rig.edge.streams.size).toBe(0);
    });
    expect([...rig.ends]).toEqual([['client_closed', 1]]);
  },
);

it.each([
  ['no request', false],
  ['a request', true],
])('a proxy that took 9 s of 10 s for its header has 1 s left with %s', async (_, hasAsked) => {
  const { clock } = rig;
  listener.server.prependListener('connection', (socket) => {
    noteProxiedClient(socket, { address: '192.0.2.1', sinceMs: clock.nowMs() - 9_000 });
  });
  const { port } = listener.server.address() as AddressInfo;
  const proxy = connect({ port, host: '127.0.0.1' });
  await vi.waitFor(() => {
    expect(accepted).toHaveLength(2);
  });
  if (hasAsked) {
    proxy.write('GET /nothing/here HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(proxy, 'data');
  }
  clock.advance(999);
  expect(accepted[1]?.destroyed).toBe(false);
  clock.advance(1);
  expect(accepted[1]?.destroyed).toBe(!hasAsked);
  proxy.destroy();
});
