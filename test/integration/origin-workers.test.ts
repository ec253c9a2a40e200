// A node that is made of several origins, as an operator starts it: one port and one admin API for publishers and operators,
// and to the cluster as many origins as it has workers.
import { expect, it } from 'vitest';
import type { NodeListView, SessionView, StatusView, StreamView } from '@headwater/contracts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeSession, watchOn } from '../support/chaos-witness.ts';
import { startFfmpeg } from '../support/ffmpeg.ts';
import { runHeadwater, startHeadwater, type RunningHeadwater } from '../support/headwater.ts';
import { isMedia, testPicture } from '../support/media-fixtures.ts';
import { metricOf } from '../support/media-metrics.ts';
import { watch } from '../support/media-viewers.ts';
import { ProxyFront } from '../support/proxy-front.ts';
import { startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const client = '198.51.100.7';
const slackMs = 3_000;
const drainMs = 3_000;

/** The processes of an origin, in the order in which they began to serve. */
function pidsOf(host: RunningHeadwater, nodeId: string): number[] {
  return host.logs().flatMap(({ msg, worker, pid }) => {
    return msg === 'worker serves' && `host-${String(worker)}` === nodeId ? [Number(pid)] : [];
  });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function owners(host: RunningHeadwater): Promise<Record<string, string | undefined>> {
  const { items } = await host.adminJson<{ items: StreamView[] }>('/api/v1/streams');
  return Object.fromEntries(items.map(({ key, owner }) => [key, owner]));
}

async function originsKnownTo(edge: RunningHeadwater): Promise<string[]> {
  const { items } = await edge.adminJson<NodeListView>('/api/v1/nodes');
  return items.filter(({ roles }) => roles.includes('origin')).map(({ id }) => id);
}

it('an origin with workers is several origins behind one port: one that dies costs its publishers a reconnect, the others nothing', async () => {
  const redis = await startRedis();
  const shared = { 'registry.kind': 'redis', 'registry.redis.url': redis.url };
  const set = { ...shared, 'node.id': 'host', workers: 2 };
  const [host, edge] = await Promise.all([
    startHeadwater({
      role: 'origin',
      set: {
        ...set,
        'limits.publishers': 3,
        'proxyProtocol.trusted': '127.0.0.1',
        'node.drainDeadline': `${drainMs}ms`,
      },
    }),
    startHeadwater({ role: 'edge', set: { ...shared, 'node.id': 'edge' } }),
  ]);
  // Behind a load balancer, as publishers of an origin are.
  const front = await ProxyFront.open(host);
  front.client = client;
  const address = front.node.ready.rtmp ?? '';
  const start = async (stream: string): Promise<ChaosEncoder> =>
    ChaosEncoder.start({ stream: `${stream}?token=secret`, addresses: [address], capsEx: 1 });
  const [doomed, other] = [await start('live/a'), await start('live/b')];
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-f', 'flv'];
  startFfmpeg(['-re', ...testPicture, ...encode, front.node.rtmpUrl('live/c')]);
  const third = watch(edge, 'http-flv', 'live/c');
  await waitUntil('the edge shows what ffmpeg sends', () => third.frames.some(isMedia));
  const [witnesses, others] = [
    await watchOn([{ node: edge }], 'live/a'),
    await watchOn([{ node: edge }], 'live/b'),
  ];

  // What is in its processes, one API shows.
  const before = await owners(host);
  expect(Object.keys(before)).toEqual(['live/a', 'live/b', 'live/c']);
  expect(new Set(Object.values(before))).toEqual(new Set(['host-1', 'host-2']));
  expect(before['live/a']).not.toBe(before['live/b']);
  expect(await originsKnownTo(edge)).toEqual(['host-1', 'host-2']);
  expect(await originsKnownTo(host)).toEqual(['host-1', 'host-2']);
  const { items } = await host.adminJson<{ items: SessionView[] }>('/api/v1/sessions');
  expect(items.map(({ role, remoteAddress }) => `${role} ${remoteAddress}`)).toEqual(
    Array.from({ length: 3 }, () => `publisher ${client}`),
  );
  const status = await host.adminJson<StatusView>('/api/v1/status');
  expect(status).toMatchObject({ nodeId: 'host', isReady: true, streams: 3, publishers: 3 });
  expect(await metricOf(host, 'headwater_publish_attempts_total', { outcome: 'accepted' })).toBe(3);
  expect(await metricOf(host, 'headwater_discovery_stale')).toBe(0);
  expect(await metricOf(host, 'headwater_discovery_nodes')).toBe(3);

  // The limit is that of the node: neither origin has three.
  const refused = await ChaosEncoder.ask({ stream: 'live/d', addresses: [address] });
  expect(refused.sessions).toEqual([]);
  expect(await metricOf(host, 'headwater_publish_attempts_total', { outcome: 'limit_reached' })).toBe(1);
  refused.vanish();

  // Nobody else may run under their names, whatever the ports.
  const arguments_ = Object.entries({
    ...set,
    'node.id': 'host',
    bind: '127.0.0.1',
    'rtmp.port': 0,
    'admin.port': 0,
    'relay.port': 0,
  });
  const namesake = await runHeadwater([
    'origin',
    ...arguments_.flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ]);
  expect([namesake.code, namesake.stderr]).toEqual([69, expect.stringContaining('the node id host-')]);

  const owner = before['live/a'] ?? '';
  for (const witness of [...witnesses, ...others]) witness.mark();
  process.kill(pidsOf(host, owner)[0] ?? 0, 'SIGKILL');
  await seeSession(witnesses, 1);
  expect(faultsOf(witnesses, [0, 1])).toEqual([]);
  expect(faultsOf(others)).toEqual([]);
  expect(longestGapMs(others)).toBeLessThan(slackMs);
  expect(other.sessions).toMatchObject([{ end: undefined }]);
  expect(doomed.sessions).toHaveLength(2);
  await waitUntil('it was replaced', () => pidsOf(host, owner).length === 2);
  await waitUntil('it is known again', async () => (await originsKnownTo(edge)).length === 2);
  expect(await metricOf(host, 'headwater_worker_exits_total')).toBe(1);
  expect(await metricOf(host, 'headwater_workers')).toBe(2);
  expect(host.logs().some(({ nodeId, msg }) => nodeId === 'host-2' && msg === 'publish opened')).toBe(true);

  // One is sent away by name, by whichever origin has it.
  const sessions = await host.adminJson<{ items: SessionView[] }>('/api/v1/sessions?stream=live/b');
  await fetch(host.adminUrl(`/api/v1/sessions/${String(sessions.items[0]?.id)}`), { method: 'DELETE' });
  await waitUntil('it is gone', () => other.sessions[0]?.end !== undefined);

  // A drain asks those to move who can.
  const pids = ['host-1', 'host-2'].flatMap((nodeId) => pidsOf(host, nodeId));
  host.kill('SIGTERM');
  await waitUntil('it asks to move', () => doomed.reconnectRequests > 0);
  expect((await fetch(host.adminUrl('/readyz'))).status).toBe(503);
  doomed.stop();
  other.stop();
  expect(await host.child.exited).toMatchObject({ code: 0 });
  expect(pids.filter(isRunning)).toEqual([]);
  await waitUntil('the cluster has heard of it', async () => (await originsKnownTo(edge)).length === 0);
}, 90_000);
