import type { NodeRecord } from '@headwater/cluster';
import { AppError, silentMetrics, streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { hopsOf, passedQuery } from './passed-query.ts';
import { parseRouteTarget, type RouteTarget } from './route-target.ts';
import { Router } from './router.ts';
import { edgeNode } from './testing/edge-node.ts';
import { ViewerLocator } from './viewer-locator.ts';

const home = { zone: 'a', region: 'r' };
const rules = { balance: 0.25, spreadFrom: 0.01, fullAt: 0.9 };
const networks = [{ network: '10.2.0.0/16', zone: 'b', region: 'r' }];
const client = { peer: '192.0.2.1', isViewer: true };

function routerOver(nodes: readonly NodeRecord[]): Router {
  const metrics = silentMetrics;
  return new Router({
    ...{ clock: new ManualClock(), metrics, home, rules, apps: ['live'], steeringTtlMs: 60_000 },
    locator: new ViewerLocator({ metrics, networks, trustedProxies: ['10.9.0.0/16'], home }),
    nodes: () => nodes,
  });
}

const two = [edgeNode('a1'), edgeNode('b1', { zone: 'b' })];

function target(text: string): RouteTarget {
  const parsed = parseRouteTarget(text);
  if (parsed === undefined) throw new Error(`${text} is nothing for a router`);
  return parsed;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (caught) {
    if (caught instanceof AppError) return caught.code;
    throw caught;
  }
  return 'none';
}

describe('a target', () => {
  it.each([
    ['/live/cam1.flv?token=x', ['play', 'flv', 'live', 'cam1', 'token=x']],
    ['/live/cam1/index.m3u8', ['play', 'hls', 'live', 'cam1', '']],
    ['/route/live/cam1?protocol=hls', ['route', 'flv', 'live', 'cam1', 'protocol=hls']],
    ['/steering/live/cam1.json', ['steering', 'hls', 'live', 'cam1', '']],
    ['/route/x.flv', ['play', 'flv', 'route', 'x', '']],
  ])('%s is read', (text, expected) => {
    const { kind, protocol, app, name, query } = target(text);
    expect([kind, protocol, app, name, query]).toEqual(expected);
  });

  it.each(['/', '/live/cam1', '/live/cam1/seg-1.m4s', '/a/b/c.flv', '/route/live', '', '/live/.flvx'])(
    '%s is nothing for a router',
    (text) => {
      expect(parseRouteTarget(text)).toBeUndefined();
    },
  );
});

describe('a redirect', () => {
  it('leads to the same stream at the edge, in the same way, with the token', () => {
    const router = routerOver(two);
    expect(router.redirect(target('/live/cam1.flv?token=a%2Bb&latency=low'), client)).toBe(
      'http://a1:8080/live/cam1.flv?token=a%2Bb&latency=low&hop=1',
    );
    expect(router.redirect(target('/live/cam1/index.m3u8'), client)).toBe(
      'http://a1:8080/live/cam1/index.m3u8?hop=1',
    );
    expect(router.redirect(target('/live/cam1.flv'), { ...client, peer: '10.2.0.1' }, 'ws-flv')).toBe(
      'ws://b1:8080/live/cam1.flv?hop=1',
    );
  });

  it('goes by the address that a trusted proxy passes on', () => {
    const behind = { ...client, peer: '10.9.0.1', forwardedFor: '10.2.3.4' };
    expect(routerOver(two).redirect(target('/live/cam1.flv'), behind)).toContain('http://b1:8080/');
    expect(routerOver(two).redirect(target('/live/cam1.flv'), { ...behind, peer: '192.0.2.1' })).toContain(
      '//a1:',
    );
  });

  it('uses the public URL of an edge that has one', () => {
    const publicUrls = { http: 'https://edge.example' };
    const router = routerOver([edgeNode('a1', { publicUrls })]);
    expect(router.redirect(target('/live/cam1.flv'), client)).toBe(
      'https://edge.example/live/cam1.flv?hop=1',
    );
    expect(router.redirect(target('/live/cam1.flv'), client, 'ws-flv')).toMatch(/^wss:/);
  });

  it('that comes back is given up after three', () => {
    const router = routerOver(two);
    let query = 'h%6fp=0&token=t';
    const follow = (): void => {
      query = new URL(router.redirect(target(`/live/cam1.flv?${query}`), client)).search.slice(1);
    };
    for (let hop = 1; hop <= 3; hop++) follow();
    expect(query).toBe('token=t&hop=3');
    expect(codeOf(follow)).toBe('redirect_loop');
  });

  it('is refused for what is no stream, what is not served, and where nobody takes the viewer', () => {
    const router = routerOver(two);
    expect(codeOf(() => router.redirect(target('/live/a%20b.flv'), client))).toBe('stream_name_invalid');
    expect(codeOf(() => router.redirect(target('/live/...flv'), client))).toBe('stream_name_invalid');
    expect(codeOf(() => router.redirect(target('/other/cam1.flv'), client))).toBe('app_unknown');
    expect(codeOf(() => routerOver([]).redirect(target('/live/cam1.flv'), client))).toBe('edge_unavailable');
  });
});

describe('a query that is passed on', () => {
  it('keeps its bytes, but those that no header may have', () => {
    expect(passedQuery('a=%20&b&&c=1=2', { without: [] })).toBe('a=%20&b&c=1=2');
    expect(passedQuery('a=\u00e9\r\nX: y', { without: [] })).toBe('a=%E9%0D%0AX:%20y');
  });

  it('hides nothing behind a number sign', () => {
    const change = { without: [], and: { hop: '1' } };
    expect(new URL(`http://a1/?${passedQuery('a=1#b', change)}`).search).toBe('?a=1%23b&hop=1');
  });

  it('says how often it was redirected only where that is a small number', () => {
    expect(['hop=2', 'hop=-1', 'hop=1e3', 'hop=x', 'hop=9999', ''].map(hopsOf)).toEqual([2, 0, 0, 0, 0, 0]);
  });
});

describe('a route', () => {
  it('has the URL, the edge, the reason and where else to go', () => {
    const route = routerOver(two).route(target('/route/live/cam1?protocol=rtmp&token=t'), client);
    expect(route).toEqual({
      ...{ url: 'rtmp://a1:1935/live/cam1?token=t', node: 'a1', zone: 'a', region: 'r' },
      reason:
        "it is in the viewer's zone a of r, and ranks 1 for this stream in its zone, and has 0 of its share of 10 viewers",
      alternatives: [{ url: 'rtmp://b1:1935/live/cam1?token=t', node: 'b1', zone: 'b', region: 'r' }],
    });
  });

  it('counts as a viewer, unlike an explanation', () => {
    const router = routerOver(two);
    const explained = (): number | undefined =>
      router.explain(streamKey('live', 'cam1'), 'flv', '192.0.2.1').candidates[0]?.viewers;
    expect([explained(), explained()]).toEqual([0, 0]);
    router.route(target('/route/live/cam1'), client);
    expect(explained()).toBe(1);
  });

  it('is refused for a protocol that there is not', () => {
    const ask = target('/route/live/cam1?protocol=dash');
    expect(codeOf(() => routerOver(two).route(ask, client))).toBe('request_malformed');
  });
});

describe('a steering manifest', () => {
  const path = '/steering/live/cam1.json?token=t';

  it('names the edge that is chosen first, and each edge as a clone with its host', () => {
    const manifest = routerOver(two).steering(target(path), client);
    expect(manifest).toEqual({
      VERSION: 1,
      TTL: 60,
      'RELOAD-URI': path,
      'PATHWAY-PRIORITY': ['a1', 'b1'],
      'PATHWAY-CLONES': [
        { 'BASE-ID': '.', ID: 'a1', 'URI-REPLACEMENT': { HOST: 'a1:8080' } },
        { 'BASE-ID': '.', ID: 'b1', 'URI-REPLACEMENT': { HOST: 'b1:8080' } },
      ],
    });
  });

  it('makes clones of the edge where a player is, which is none itself', () => {
    const clones = (pathway: string): unknown =>
      routerOver(two).steering(target(`${path}&_HLS_pathway=${pathway}`), client)['PATHWAY-CLONES'];
    expect(clones('a1')).toEqual([{ 'BASE-ID': 'a1', ID: 'b1', 'URI-REPLACEMENT': { HOST: 'b1:8080' } }]);
    expect(clones('gone')).toMatchObject([
      { 'BASE-ID': 'gone', ID: 'a1' },
      { 'BASE-ID': 'gone', ID: 'b1' },
    ]);
    expect(clones('no%20id')).toMatchObject([{ 'BASE-ID': '.' }, { 'BASE-ID': '.' }]);
  });

  it('lets a player stay where it is, unless that edge drains or another one is nearer', () => {
    const nodes = ['1', '2', '3'].map((id) => edgeNode(id));
    const first = (list: readonly NodeRecord[], pathway: string): string | undefined =>
      routerOver(list).steering(target(`${path}&_HLS_pathway=${pathway}`), client)['PATHWAY-PRIORITY'][0];
    expect(nodes.map(({ nodeId }) => first(nodes, nodeId))).toEqual(['1', '2', '3']);
    const draining = nodes.map((node) => ({ ...node, isDraining: node.nodeId === '2' }));
    expect(first(draining, '2')).not.toBe('2');
    expect(first([...nodes, edgeNode('b1', { zone: 'b' })], 'b1')).not.toBe('b1');
    expect(first(nodes, 'unheard-of')).toMatch(/^[123]$/);
  });
});
