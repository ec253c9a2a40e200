// Viewers in networks of their own before a router and its edges: each lands in its zone, also when edges and zones are lost.
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { mmdb } from '@headwater/router/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { runChild, startChild } from '../support/child.ts';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { type NetworkStar, startNetworkStar, within } from '../support/network-star.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const main = resolve(import.meta.dirname, '../../packages/headwater/dist/main.js');
const redisPort = 6379;

let star: NetworkStar;
let router: RunningHeadwater;
const edges = new Map<string, RunningHeadwater>();

// Where the edges stand; the database knows the third network to be near the second zone.
const places = { sydney: '-33.9,151.2', berlin: '52.5,13.4' };
const hamburg = { latitude: 53.6, longitude: 10 };

async function startNode(role: 'edge' | 'router', set: Readonly<Record<string, string>>, config = '') {
  const { namespace, address } = star.hub;
  return startHeadwater({
    ...{ role, namespace, config },
    set: {
      bind: '*',
      'node.address': address,
      'node.region': 'r',
      'registry.kind': 'redis',
      'registry.redis.url': `redis://${address}:${redisPort}`,
      'registry.heartbeat': '500ms',
      'registry.lease': '2s',
      'viewer.waitForStream': '0s',
      ...set,
    },
  });
}

/** Runs a program in a namespace to its end; resolves with what it printed. */
async function inside(namespace: string, args: readonly string[]): Promise<string> {
  const { program, args: prefix } = within(namespace, process.execPath);
  return (await runChild({ name: `node in ${namespace}`, program, args: [...prefix, ...args] })).stdout;
}

/** Where a viewer of a network ends that follows the router: the host and port of an edge, and the edge's answer. */
async function landing(network: string, stream = 'cam1'): Promise<string> {
  const url = `http://${star.hub.address}:${portOf(router)}/live/${stream}.flv?token=t`;
  const script = `fetch('${url}').then((r) => console.log(r.url, r.status), (e) => console.log('nowhere', e.message))`;
  return (await inside(star.spokes[network]!.namespace, ['--eval', script])).trim();
}

function portOf({ ready }: RunningHeadwater): string {
  return ready.http?.split(':').at(-1) ?? '';
}

// The stream is not there: that the edge says so is what shows that the viewer has reached it.
function at(edge: string, stream = 'cam1'): string {
  return `http://${star.hub.address}:${portOf(edges.get(edge)!)}/live/${stream}.flv?token=t&hop=1 404`;
}

async function untilLanding(network: string, expected: readonly string[]): Promise<string> {
  return waitUntil(`a viewer of ${network} lands elsewhere`, async () => {
    const landed = await landing(network);
    return expected.includes(landed) ? landed : undefined;
  });
}

describe('viewers in three networks', () => {
  beforeAll(async () => {
    star = await startNetworkStar(['a', 'b', 'c']);
    const { program, args } = within(star.hub.namespace, 'redis-server');
    const redis = startChild({
      ...{ name: 'redis-server', program, cwd: await tempFolder() },
      args: [
        ...args,
        '--bind',
        star.hub.address,
        '--protected-mode',
        'no',
        '--save',
        '',
        '--port',
        String(redisPort),
      ],
    });
    await waitUntil('redis accepts connections', () => redis.stdout.includes('Ready to accept connections'));
    const database = join(await tempFolder(), 'cities.mmdb');
    await writeFile(database, mmdb({ [`${star.spokes['c']!.address}/32`]: { location: hamburg } }));
    const networks = ['a', 'b'].map((zone) => ({ network: star.spokes[zone]!.address, zone }));
    const nodes = [
      startNode(
        'router',
        { 'node.zone': 'a', 'router.geoDatabase': database },
        `router: { networks: ${JSON.stringify(networks)} }\n`,
      ),
      ...(['a1', 'a2', 'b1'] as const).map(async (id) => {
        const coordinates = id === 'b1' ? places.berlin : places.sydney;
        const set = { 'node.id': id, 'node.zone': id.slice(0, 1), 'node.coordinates': coordinates };
        return startNode('edge', set);
      }),
    ] as const;
    const [first, ...others] = await Promise.all(nodes);
    router = first!;
    for (const edge of others) edges.set(edge.ready.nodeId, edge);
  });

  it('land in their zones, known by their network or by the database; the choice is explained', async () => {
    await untilLanding('b', [at('b1')]);
    const first = await untilLanding('a', [at('a1'), at('a2')]);
    expect(await landing('c')).toBe(at('b1'));
    expect(await landing('a')).toBe(first);
    const admin = ['--admin', `${star.hub.address}:${router.ready.admin?.split(':').at(-1) ?? ''}`];
    const explain = [main, 'route', 'explain', 'live/cam1', '--from', star.spokes['c']!.address, ...admin];
    const said = await inside(star.hub.namespace, explain);
    expect(said).toContain(`viewer   ${star.spokes['c']!.address}, in zone b of r (by router.geoDatabase)`);
    expect(said).toMatch(/^b1 +b +r .* yes +ranks 1 /m);
    expect(said).toMatch(/^a1 +a +r +161\.\d ms .* no +takes viewers, but is farther away$/m);
  });

  it('land at another edge of their zone when theirs is killed, and in the next zone when theirs is lost', async () => {
    const first = await landing('a');
    const [killed, left] = first === at('a1') ? (['a1', 'a2'] as const) : (['a2', 'a1'] as const);
    edges.get(killed)!.kill('SIGKILL');
    await untilLanding('a', [at(left)]);
    expect(await landing('b')).toBe(at('b1'));
    edges.get(left)!.kill('SIGKILL');
    await untilLanding('a', [at('b1')]);
    expect(await landing('c')).toBe(at('b1'));
  });
});
