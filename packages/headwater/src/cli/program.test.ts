import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  shownSource,
  type JobView,
  type NodeListView,
  type RouteExplanationView,
} from '@headwater/contracts';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { NodeView } from '../admin/node-view.ts';
import { Node } from '../node.ts';
import { jobDesk, nodeView, streamView, testContext } from '../testing/node-fixture.ts';
import { runProgram } from './program.ts';

/** Runs the program in this process and hands back what it printed. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  const code = await runProgram(args);
  stdout.mockRestore();
  stderr.mockRestore();
  return { code, out, err };
}

/** A port on loopback where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the command line', () => {
  it('explains itself', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    expect(out).toContain('Exit codes:');
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [[], 'Usage: headwater'],
    [['orign'], 'Did you mean origin?'],
    [['all', '--prot', '1'], "unknown option '--prot'"],
    [['all', '--config'], 'argument missing'],
    [['config', 'check', '--set', '=1'], 'expected key=value'],
    [['route', 'explain', 'live/a', '--from', 'here'], '--from here: expected an IP address'],
    [['route', 'explain', 'live/a', '--from', '::1', '--protocol', 'dash'], 'flv, ws-flv, hls, rtmp'],
    [['all', 'extra'], 'too many arguments'],
    [['all', '--ready-file', '/nowhere/ready.json'], '--ready-file /nowhere/ready.json: ENOENT'],
    [['streams', '--admin', 'http://:'], '--admin http://:: expected a URL or host:port'],
    [['jobs', 'add', 'pull', 'http://u:hush@h/', 'live/a'], 'source=http://u:***@h/, expected=rtsp://HOST'],
    [
      ['jobs', 'add', 'pull', 'rtsp://h/', 'cam1'],
      'stream name is not valid (value=cam1, expected=app/name)',
    ],
    [['route', 'explain', 'live/cam1'], "required option '--from <ip>' not specified"],
    [['route', 'explain', 'cam1', '--from', '::1'], 'stream name is not valid'],
    [['jobs', 'add', 'push', 'rtsp://h/', 'live/a'], "unknown command 'push'"],
    [['demo', '--url', 'http://x/live/a?token=secret'], '--url http://x/live/a?token=***: expected rtmp://'],
  ])('ends with 64 when called with %j', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(64);
    expect(err).toContain(message);
  });
});

describe('headwater config', () => {
  it('ends with 78 and names key, value and source of what is wrong', async () => {
    vi.stubEnv('HEADWATER_HTTP_PROT', '1');
    const { code, err } = await run('config', 'check', '--set', 'rtmp.port=x');
    expect(code).toBe(78);
    expect(err).toContain('headwater: the configuration is not valid\n');
    expect(err).toContain('rtmp.port is "x" (--set rtmp.port): expected a port number');
    expect(err).toContain('did you mean HEADWATER_HTTP_PORT?');
  });

  it('says that it is valid, and prints what is in force and where it comes from', async () => {
    vi.stubEnv('HEADWATER_HOLD', '3s');
    expect(await run('config', 'check')).toEqual({ code: 0, out: 'the configuration is valid\n', err: '' });
    const workers = ['--set', 'workers=3', '--set', 'node.id=o'];
    const redis = ['--set', 'registry.kind=redis', '--set', 'registry.redis.url=redis://127.0.0.1'];
    expect((await run('config', 'check', ...workers)).out).not.toContain('headwater origin');
    const { out } = await run('config', 'check', ...workers, ...redis);
    expect(out).toContain('headwater origin  is 3 origins, o-1 to o-3, with relay ports 50051 to 50053\n');
    expect((await run('config', 'print', '--sources')).out).toContain(
      'hold: 3s # environment variable HEADWATER_HOLD',
    );
    expect(JSON.parse((await run('config', 'schema')).out)).toMatchObject({ type: 'object' });
  });
});

describe('questions to a node', () => {
  it('are answered as tables and as JSON', async () => {
    const context = testContext();
    const streams = Array.from({ length: 1001 }, (_, index) =>
      streamView(`live/${String(index).padStart(4, '0')}`),
    );
    const node = new Node(context, {
      services: [],
      view: nodeView({ streams: () => streams }),
      drain: async () => undefined,
    });
    await node.start();
    const admin = ['--admin', context.addresses.all().admin ?? ''];
    const status = await run('status', ...admin);
    expect(status.out).toMatch(/^NODE +test-node$/m);
    expect(status.out).toMatch(/^ready +yes$/m);
    const table = await run('streams', ...admin);
    expect(table.out.split('\n')).toHaveLength(1003);
    expect(table.out).toMatch(/^live\/0000 +live +- +avc1 mp4a +3 +- +2025/m);
    const listed = JSON.parse((await run('streams', '--json', ...admin)).out) as { items: unknown[] };
    expect(listed.items).toHaveLength(1001);
    expect((await run('nodes', ...admin)).out).toBe('no nodes\n');
    expect(JSON.parse((await run('nodes', '--json', ...admin)).out)).toEqual({ items: [], isStale: false });
    await node.stop(1000);
  });

  it('end with 69 when nobody listens, and with 1 when it is no node that does', async () => {
    const port = await freePort();
    const nobody = await run('status', '--admin', `127.0.0.1:${port}`);
    expect([nobody.code, nobody.err]).toEqual([69, expect.stringContaining('is the node running?')]);
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    });
    other.listen(port, '127.0.0.1');
    await once(other, 'listening');
    const wrong = await run('status', '--admin', `127.0.0.1:${port}`);
    other.close();
    expect([wrong.code, wrong.err]).toEqual([
      1,
      expect.stringContaining('is not the admin API of a Headwater node'),
    ]);
  });
});

describe('headwater route explain', () => {
  const explanation: RouteExplanationView = {
    ...{ stream: 'live/a', protocol: 'hls', reason: 'it is near', edges: 3 },
    viewer: { address: '192.0.2.1', source: 'database', zone: 'a', region: 'r' },
    chosen: { url: 'http://e1/live/a/index.m3u8', node: 'e1', zone: 'a', region: 'r' },
    candidates: [
      {
        ...{ node: 'e1', zone: 'a', region: 'r', tier: 0, nearness: 'zone', distanceMs: 0 },
        ...{ viewers: 3, capacity: 10, verdict: 'chosen', why: 'ranks 1' },
      },
    ],
  };

  it('prints where a viewer would be sent, and what is said about each edge', async () => {
    const context = testContext();
    const asked: unknown[] = [];
    const view = nodeView({
      explainRoute: (...args) => {
        asked.push(args);
        return explanation;
      },
    });
    const node = new Node(context, { services: [], view, drain: async () => undefined });
    await node.start();
    const admin = ['--admin', context.addresses.all().admin ?? ''];
    const args = ['route', 'explain', 'live/a', '--protocol', 'hls', ...admin];
    const { out } = await run(...args, '--from', '192.0.2.1');
    expect(asked).toEqual([['live/a', 'hls', '192.0.2.1']]);
    expect(out).toContain('viewer   192.0.2.1, in zone a of r (by router.geoDatabase)');
    expect(out).toContain('edge     e1, http://e1/live/a/index.m3u8\nbecause  it is near');
    expect(out).toMatch(/^e1 +a +r +0\.0 ms +3\/10 +yes +ranks 1$/m);
    expect(out).toContain('… and 2 more');
    expect(JSON.parse((await run(...args, '--from', '192.0.2.1', '--json')).out)).toEqual(explanation);
    const wrong = await fetch(
      `http://${context.addresses.all().admin ?? ''}/api/v1/route/live/a?from=nowhere`,
    );
    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      expect.objectContaining({
        detail: 'the request is malformed (parameter=from, problem=expected an IP address)',
      }),
    ]);
    await node.stop(1000);
  });

  it('says so when the node that is asked is no router', async () => {
    const context = testContext();
    const node = new Node(context, { services: [], view: nodeView(), drain: async () => undefined });
    await node.start();
    const admin = ['--admin', context.addresses.all().admin ?? ''];
    const { code, err } = await run('route', 'explain', 'live/a', '--from', '::1', ...admin);
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('does not have the role for that (role=router)'),
    ]);
    await node.stop(1000);
  });
});

describe('headwater drain', () => {
  it('knows what is made of several origins by its own name, and nobody else by the like of it', async () => {
    const context = testContext({ node: { nodeId: 'host', incarnation: 'run-1' } });
    const { addresses, node: origin } = context;
    const load = { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 };
    const items = (): NodeListView['items'] =>
      ['host-1', 'other-2'].map((id) => ({
        ...{ id, incarnation: 'run-1', roles: ['origin'], zone: 'a', region: 'r', isDraining: false, load },
        addresses: { admin: addresses.all().admin ?? '' },
      }));
    const drains: number[] = [];
    const node = new Node(context, {
      services: [],
      view: nodeView({
        nodes: async () => Promise.resolve({ items: items(), isStale: false }),
        origins: () => [origin],
      }),
      drain: async (deadlineMs) => void drains.push(deadlineMs),
    });
    await node.start();
    const args = ['--admin', addresses.all().admin ?? '', '--deadline', '7'];
    expect((await run('drain', 'other', ...args)).err).toContain(
      'there is no node other; known are: host-1, other-2',
    );
    expect(drains).toEqual([]);
    expect((await run('drain', 'host', ...args)).out).toBe('host is draining\n');
    expect(drains).toEqual([7_000]);
    await node.stop(1000);
  });
});

describe('headwater jobs', () => {
  it('adds, lists and removes jobs, and shows no password', async () => {
    const context = testContext();
    const jobs = new Map<string, JobView>();
    const desk = jobDesk({
      list: async () => Promise.resolve([...jobs.values()]),
      add: async ({ id, kind, source, stream }) => {
        const run = { state: 'running' as const, attempts: 1, sinceMs: 61_400 };
        jobs.set(id, { id, kind, source: shownSource(source), stream, node: 'test-node', run });
        return Promise.resolve({ isNew: true, job: { id, kind, source: shownSource(source), stream } });
      },
      remove: async (id) => Promise.resolve(jobs.delete(id)),
    });
    const view = nodeView({ jobs: desk });
    const node = new Node(context, { services: [], view, drain: async () => undefined });
    await node.start();
    const admin = ['--admin', context.addresses.all().admin ?? ''];
    expect((await run('jobs', 'list', ...admin)).out).toBe('no jobs\n');
    const url = 'rtsp://u:hush@camera.example/main';
    expect(await run('jobs', 'add', 'pull', url, 'live/cam1', ...admin)).toEqual({
      code: 0,
      out: 'job live:cam1 is there\n',
      err: '',
    });
    const shown = 'rtsp://u:\\*\\*\\*@camera.example/main';
    const row = new RegExp(`^live:cam1 +pull +${shown} +live/cam1 +test-node +running for 61 s +-$`, 'm');
    expect((await run('jobs', 'list', ...admin)).out).toMatch(row);
    expect(JSON.parse((await run('jobs', 'list', '--json', ...admin)).out)).toEqual({
      items: [...jobs.values()],
    });
    expect((await run('jobs', 'remove', 'live:cam1', ...admin)).out).toBe('job live:cam1 is removed\n');
    const again = await run('jobs', 'remove', 'live:cam1', ...admin);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('there is no job with this id')]);
    await node.stop(1000);
  });
});

describe('headwater jobs list in a cluster', () => {
  const job = (name: string, node: string, run?: JobView['run']): JobView => ({
    ...{ id: `live:${name}`, kind: 'pull', source: 'rtsp://camera.example/', stream: `live/${name}`, node },
    ...(run === undefined ? {} : { run }),
  });

  async function startNode(jobs: readonly JobView[], nodes: NodeView['nodes']): Promise<Node> {
    const view = nodeView({ jobs: jobDesk({ list: async () => Promise.resolve(jobs) }), nodes });
    const context = testContext();
    const node = new Node(context, { services: [], view, drain: async () => undefined });
    await node.start();
    onTestFinished(async () => {
      await node.stop(1000);
    });
    addresses.set(node, context.addresses.all().admin ?? '');
    return node;
  }
  const addresses = new Map<Node, string>();
  const runOf = (attempts: number): JobView['run'] => ({ state: 'running', attempts, sinceMs: 1_000 });

  it('shows how the jobs of every node stand that can be asked, each as the node says that has it', async () => {
    const noNodes = async (): Promise<NodeListView> => Promise.resolve({ items: [], isStale: false });
    const first = await startNode([job('a', 'n1', runOf(1)), job('b', 'n2')], noNodes);
    // It has given the first one away, and has not quite ended it.
    const second = await startNode([job('a', 'n1', runOf(9)), job('b', 'n2', runOf(2))], noNodes);
    const load = { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 };
    const admins = [first, second].map((node) => addresses.get(node) ?? '');
    const items = [...admins, 'http://:'].map((admin, index) => ({
      ...{ id: `n${index + 1}`, incarnation: 'run', roles: ['origin' as const], zone: '', region: '' },
      ...{ addresses: { admin }, load, isDraining: false },
    }));
    const asked = await startNode([job('a', 'n1'), job('b', 'n2'), job('c', 'n3')], async () =>
      Promise.resolve({ items, isStale: false }),
    );
    const { out } = await run('jobs', 'list', '--json', '--admin', addresses.get(asked) ?? '');
    expect(JSON.parse(out)).toEqual({
      items: [job('a', 'n1', runOf(1)), job('b', 'n2', runOf(2)), job('c', 'n3')],
    });
  });

  it('lists the jobs also when the nodes cannot be had', async () => {
    const broken = await startNode([job('a', 'n1')], async () => Promise.reject(new Error('no nodes')));
    const shown = await run('jobs', 'list', '--admin', addresses.get(broken) ?? '');
    expect([shown.code, shown.out]).toEqual([0, expect.stringMatching(/^live:a .* n1 +- +-$/m)]);
  });
});

describe('headwater demo', () => {
  it('ends with 69 when nobody listens', async () => {
    const { code, err } = await run('demo', '--url', `rtmp://127.0.0.1:${await freePort()}/live/demo`);
    expect([code, err]).toEqual([69, expect.stringContaining('is Headwater running?')]);
  });
});
