// deploy/haproxy.cfg in front of two real nodes: publishers and viewers are known by their own addresses, a node that drains
// gets nobody new and keeps those it has, one that is killed is left out until it is back.
import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { testFrames } from '@headwater/media/testing';
import { expect, it } from 'vitest';
import { runChild, startChild, type Child } from '../support/child.ts';
import { defer } from '../support/cleanup.ts';
import { freePort } from '../support/free-port.ts';
import { startHeadwater, type RunningHeadwater } from '../support/headwater.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { startRedis } from '../support/redis.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const deploy = resolve(import.meta.dirname, '../../deploy');

interface Ports {
  readonly rtmp: number;
  readonly http: number;
  readonly admin: number;
}

const freePorts = async (): Promise<Ports> => ({
  rtmp: await freePort(),
  http: await freePort(),
  admin: await freePort(),
});

/** The file with the addresses of this test: two nodes that are both origin and edge. */
async function startBalancer(nodes: readonly Ports[], own: Ports): Promise<Child> {
  const folder = await tempFolder();
  const file = join(folder, 'haproxy.cfg');
  const text = (await readFile(join(deploy, 'haproxy.cfg'), 'utf8'))
    .replace('bind :1935', `bind 127.0.0.1:${own.rtmp}`)
    .replace('bind :8080', `bind 127.0.0.1:${own.http}`)
    .replace('bind 127.0.0.1:8404', `bind 127.0.0.1:${own.admin}`)
    .replace(/^ +server edge-3 .*\n/m, '')
    .replaceAll(/server (\w+)-(\d) \S+ check/g, (_, role: string, number: string) => {
      const node = nodes[Number(number) - 1];
      if (node === undefined) throw new Error(`no node ${number}`);
      const port = role === 'origin' ? node.rtmp : node.http;
      return `server ${role}-${number} 127.0.0.1:${port} check port ${node.admin}`;
    });
  await writeFile(file, text);
  await runChild({ name: 'haproxy -c', program: 'haproxy', args: ['-c', '-f', file] });
  return startChild({ name: 'haproxy', program: 'haproxy', args: ['-db', '-f', file] });
}

async function startNode(id: string, ports: Ports, redisUrl: string): Promise<RunningHeadwater> {
  return startHeadwater({
    set: {
      'node.id': id,
      'rtmp.port': ports.rtmp,
      'http.port': ports.http,
      'admin.port': ports.admin,
      'registry.kind': 'redis',
      'registry.redis.url': redisUrl,
      'registry.lease': '2s',
      'registry.heartbeat': '500ms',
      'proxyProtocol.trusted': '127.0.0.1',
      'limits.exemptAddresses': '[]',
      'limits.connectionsPerAddress': 2,
    },
  });
}

/** Who publishes what where, by the node's own word. */
async function publishersOf(node: RunningHeadwater): Promise<Record<string, string>> {
  const { items } = await node.adminJson<{
    items: readonly { role: string; stream: string; remoteAddress: string }[];
  }>('/api/v1/sessions');
  const publishers = items.filter(({ role }) => role === 'publisher');
  return Object.fromEntries(publishers.map(({ stream, remoteAddress }) => [stream, remoteAddress]));
}

it('HAProxy with deploy/haproxy.cfg keeps clients known, and sends them to nodes that are ready', async () => {
  const redis = await startRedis();
  const [first, second, own] = [await freePorts(), await freePorts(), await freePorts()];
  const [one, two] = await Promise.all([
    startNode('origin-1', first, redis.url),
    startNode('origin-2', second, redis.url),
  ]);
  const balancer = await startBalancer([first, second], own);
  const health = async (): Promise<number> =>
    fetch(`http://127.0.0.1:${own.admin}/healthz`).then(
      ({ status }) => status,
      () => 0,
    );
  await waitUntil('the balancer reaches an origin', async () => (await health()) === 200);
  const publish = async (stream: string, from: string): Promise<MediaPublisher> => {
    const publisher = await MediaPublisher.start(`rtmp://127.0.0.1:${own.rtmp}/${stream}`, from);
    await publisher.send(testFrames({ seconds: 1, gopSeconds: 1 }));
    // A publisher that sends nothing for 10 s is let go.
    const alive = setInterval(
      () => void publisher.send(testFrames({ seconds: 1, gopSeconds: 1 }).slice(0, 3)),
      1_000,
    );
    defer(() => clearInterval(alive));
    return publisher;
  };
  const told = async (text: RegExp): Promise<void> => {
    await waitUntil(`the balancer says ${String(text)}`, () => text.test(balancer.stdout + balancer.stderr));
  };

  await publish('live/a', '127.0.0.5');
  await publish('live/b', '127.0.0.6');
  expect({ ...(await publishersOf(one)), ...(await publishersOf(two)) }).toEqual({
    'live/a': '127.0.0.5',
    'live/b': '127.0.0.6',
  });
  expect(Object.keys(await publishersOf(one))).toHaveLength(1);
  const opened = [one, two].flatMap((node) => node.logs().filter(({ msg }) => msg === 'publish opened'));
  expect(opened.map(({ remoteAddress }) => remoteAddress).sort()).toEqual(['127.0.0.5', '127.0.0.6']);
  const viewer = get({ host: '127.0.0.1', port: own.http, path: '/live/a.flv', localAddress: '127.0.0.9' });
  viewer.on('response', (response) => response.resume());
  viewer.on('error', () => undefined);
  defer(() => void viewer.destroy());
  await waitUntil('the viewer is known by its address', () =>
    [one, two].some((node) =>
      node.logs().some(({ msg, remoteAddress }) => msg === 'play opened' && remoteAddress === '127.0.0.9'),
    ),
  );

  // One that is killed is left out, and comes back.
  one.kill('SIGKILL');
  await told(/origins\/origin-1 is DOWN/);
  await publish('live/c', '127.0.0.7');
  expect(await publishersOf(two)).toMatchObject({ 'live/c': '127.0.0.7' });
  const again = await startNode('origin-1', first, redis.url);
  await told(/origins\/origin-1 is UP/);

  // One that drains keeps those it has; whoever comes goes to the other one.
  await fetch(two.adminUrl('/api/v1/drain'), { method: 'POST' });
  await told(/origins\/origin-2 is stopping/);
  await publish('live/d', '127.0.0.8');
  await publish('live/e', '127.0.0.8');
  expect(await publishersOf(again)).toEqual({ 'live/d': '127.0.0.8', 'live/e': '127.0.0.8' });
  expect(await publishersOf(two)).toMatchObject({ 'live/c': '127.0.0.7' });
  await expect(publish('live/f', '127.0.0.8')).rejects.toThrow('publishing was refused');
  await publish('live/f', '127.0.0.5');
  const metrics = await (await fetch(again.adminUrl('/metrics'))).text();
  expect(metrics).toMatch(
    /headwater_connections_refused_total\{port="rtmp",limit="address_connections"\} 1\n/,
  );
});
