// Behind a load balancer that speaks the PROXY protocol a node knows its clients by their own addresses: in what it shows, in
// what it writes and for its limits. So do its workers.
import { connect, type Socket } from 'node:net';
import { testFrames } from '@headwater/media/testing';
import { expect, it } from 'vitest';
import { startHeadwater, type RunningHeadwater } from '../support/headwater.ts';
import { isMedia } from '../support/media-fixtures.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { watch, watchAll } from '../support/media-viewers.ts';
import { ProxyFront } from '../support/proxy-front.ts';
import { waitUntil } from '../support/wait-until.ts';

const crowd = '198.51.100.7';
const loner = '203.0.113.9';

/** What a node answers to the first bytes of a connection from an address; resolves at its end. */
async function answerTo(address: string | undefined, from: string, bytes: string | Buffer): Promise<string> {
  const [host = '', port = ''] = (address ?? '').split(':');
  const socket: Socket = connect({ host, port: Number(port), localAddress: from });
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

async function addressesShown(node: RunningHeadwater): Promise<string[]> {
  const { items } = await node.adminJson<{ items: readonly { remoteAddress: string }[] }>('/api/v1/sessions');
  return items.map(({ remoteAddress }) => remoteAddress).sort();
}

it.each([1, 2])('a node with workers=%i knows clients behind a load balancer', async (workers) => {
  const node = await startHeadwater({
    set: {
      workers,
      'proxyProtocol.trusted': '127.0.0.1',
      'limits.exemptAddresses': '[]',
      'limits.connectionsPerAddress': 4,
    },
  });
  const front = await ProxyFront.open(node);
  front.client = crowd;
  const publisher = await MediaPublisher.start(front.node.rtmpUrl('live/a'));
  await publisher.send(testFrames({ seconds: 2, gopSeconds: 1 }));
  const viewers = watchAll(front.node, 'live/a');
  await waitUntil('all three see the stream', () => viewers.every(({ frames }) => frames.some(isMedia)));
  expect(await addressesShown(node)).toEqual([crowd, crowd, crowd, crowd]);

  const fifth = watch(front.node, 'http-flv', 'live/a');
  await waitUntil('the fifth of an address is turned away', () => fifth.end !== undefined);
  front.client = loner;
  const other = watch(front.node, 'http-flv', 'live/a');
  await waitUntil('another address is not', () => other.frames.some(isMedia));
  expect(await addressesShown(node)).toEqual([crowd, crowd, crowd, crowd, loner]);
  const opened = node.logs().filter(({ msg }) => msg === 'play opened');
  expect(opened.map(({ remoteAddress }) => String(remoteAddress)).sort()).toEqual([
    crowd,
    crowd,
    crowd,
    loner,
  ]);

  const request = 'GET /api/streams HTTP/1.0\r\n\r\n';
  const header = 'PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n';
  // Whoever is trusted has to send a header, and nobody else is believed.
  expect(await answerTo(node.ready.http, '127.0.0.1', request)).toBe('');
  expect(await answerTo(node.ready.http, '127.0.0.1', header + request)).toMatch(/^HTTP\/1.1 200 /);
  expect(await answerTo(node.ready.http, '127.0.0.2', request)).toMatch(/^HTTP\/1.1 200 /);
  expect(await answerTo(node.ready.http, '127.0.0.2', header + request)).toMatch(/^HTTP\/1.1 400 /);
  expect(await answerTo(node.ready.rtmp, '127.0.0.2', header)).toBe('');
  const metrics = await (await fetch(node.adminUrl('/metrics'))).text();
  expect(metrics).toMatch(/headwater_proxy_headers_refused_total\{port="http",fault="malformed"\} 1\n/);
  expect(metrics).toMatch(
    /headwater_connections_refused_total\{port="http",limit="address_connections"\} 1\n/,
  );
  await waitUntil('the log says so', () =>
    node.logs().some(({ msg, proxy }) => msg === 'proxy header refused' && proxy === '127.0.0.1'),
  );
});
