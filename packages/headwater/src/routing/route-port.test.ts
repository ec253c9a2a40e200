import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { streamKey, type AppError } from '@headwater/contracts';
import type { NodeRecord } from '@headwater/cluster';
import { CrossOriginRule } from '@headwater/edge';
import { Router, ViewerLocator } from '@headwater/router';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpListener } from '../http-listener.ts';
import { PrometheusMetrics } from '../prometheus-metrics.ts';
import { SystemClock } from '../system-clock.ts';
import { isForRouter, routeAnswer } from './route-answers.ts';

const clock = new SystemClock();
const home = { zone: 'a', region: 'r' };
const edge: NodeRecord = {
  ...{ nodeId: 'e1', incarnation: 'run', roles: ['edge'], isDraining: false, ...home },
  addresses: { http: '192.0.2.1:8080', rtmp: '192.0.2.1:1935' },
  load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
};

let nodes: readonly NodeRecord[] = [];
let warnings: AppError[] = [];
let listener: HttpListener;
let base = '';
let viewersCounted: () => number | undefined;
let figures: () => Promise<readonly string[]>;

/** The port of a node that is a router and nothing else. */
beforeEach(async () => {
  nodes = [edge];
  warnings = [];
  const metrics = new PrometheusMetrics();
  const router = new Router({
    ...{ clock, metrics, home, apps: ['live'], steeringTtlMs: 60_000 },
    rules: { balance: 0.25, spreadFrom: 0.01, fullAt: 0.9 },
    locator: new ViewerLocator({ metrics, networks: [], trustedProxies: [], home }),
    nodes: () => nodes,
  });
  viewersCounted = () => router.explain(streamKey('live', 'cam1'), 'flv', '192.0.2.7').candidates[0]?.viewers;
  figures = async () => {
    const lines = (await metrics.render()).split('\n');
    return lines.filter(
      (line) => /^headwater_router_(decision|viewer)/.test(line) && !/_(bucket|sum)/.test(line),
    );
  };
  listener = new HttpListener({
    ...{ clock, apps: ['live'], edge: undefined, fallbacks: [] },
    routes: {
      isFor: (target) => isForRouter(target, false),
      answer: (asked) =>
        routeAnswer(router, asked, { apps: ['live'], warn: (error) => warnings.push(error) }),
    },
    crossOrigin: new CrossOriginRule(['https://site.example']),
    headTimeoutMs: 10_000,
  });
  listener.server.listen(0, '127.0.0.1');
  await once(listener.server, 'listening');
  base = `http://127.0.0.1:${(listener.server.address() as AddressInfo).port}`;
});

afterEach(() => {
  listener.server.close();
  listener.cutConnections();
});

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${base}${path}`, { redirect: 'manual', ...init });
}

describe('the port of a router', () => {
  it.each(['GET', 'HEAD'])('redirects %s for a stream, and lets nobody keep that', async (method) => {
    const headers = { origin: 'https://site.example' };
    const response = await ask('/live/cam1.flv?token=x', { method, headers });
    expect(response.status).toBe(302);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      location: 'http://192.0.2.1:8080/live/cam1.flv?token=x&hop=1',
      'cache-control': 'no-store',
      'access-control-allow-origin': 'https://site.example',
    });
    expect(await response.text()).toBe('');
  });

  it('counts whom it sends to an edge, and nobody who asks with HEAD', async () => {
    const paths = ['/live/cam1.flv', '/live/cam1/index.m3u8', '/route/live/cam1', '/steering/live/cam1.json'];
    const statuses = async (method: string): Promise<number[]> => {
      const answers = await Promise.all(paths.map(async (path) => ask(path, { method })));
      return answers.map(({ status }) => status);
    };
    expect(await statuses('HEAD')).toEqual([302, 302, 200, 200]);
    expect((await ask('/other/cam1.flv', { method: 'HEAD' })).status).toBe(404);
    expect([viewersCounted(), await figures()]).toEqual([0, ['headwater_router_decision_seconds_count 0']]);
    expect(await statuses('GET')).toEqual([302, 302, 200, 200]);
    expect(viewersCounted()).toBe(4);
    expect((await figures()).toSorted()).toEqual([
      'headwater_router_decision_seconds_count 4',
      'headwater_router_decisions_total{outcome="zone"} 4',
      'headwater_router_viewers_located_total{source="router"} 4',
    ]);
  });

  it.each(['/', '/?x=1'])('says at %s what it is and which URL a viewer uses', async (path) => {
    const page = await ask(path);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(await page.text()).toMatch(/this is a router[^]*\n {2}\/live\/NAME\.flv /);
    expect((await ask(path, { method: 'POST' })).status).toBe(405);
  });

  it('answers the choice and the manifest as JSON, a preflight with what is allowed, and refuses other methods', async () => {
    expect(await (await ask('/route/live/cam1')).json()).toMatchObject({ node: 'e1' });
    expect(await (await ask('/steering/live/cam1.json')).json()).toMatchObject({ VERSION: 1 });
    const preflight = await ask('/live/cam1.flv', { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      204,
      'GET, HEAD, OPTIONS',
    ]);
    expect((await ask('/route/live/cam1', { method: 'POST' })).status).toBe(405);
  });

  it('answers what it cannot send anywhere by the catalogue, and warns of what is no fault of the viewer', async () => {
    const asked = [
      '/live/...flv',
      '/other/cam1.flv',
      '/live/cam1.flv?hop=3',
      '/live/cam1',
      '/route/live/cam1?protocol=x',
    ];
    const answers = await Promise.all(asked.map(async (path) => ask(path)));
    expect(answers.map(({ status }) => status)).toEqual([400, 404, 508, 404, 400]);
    const problem = (await answers[3]?.json()) as { type: string; isRetryable: boolean };
    expect(problem).toMatchObject({ type: 'urn:headwater:error:path_unknown', isRetryable: false });
    nodes = [];
    const none = await ask('/live/cam1.flv');
    expect([none.status, none.headers.get('retry-after')]).toEqual([503, '3']);
    expect(await none.json()).toMatchObject({
      type: 'urn:headwater:error:edge_unavailable',
      isRetryable: true,
    });
    expect(warnings.map(({ code }) => code)).toEqual(['redirect_loop', 'edge_unavailable']);
  });

  it.each([
    ['/live/cam1.flv', 302, 'ws://192.0.2.1:8080/live/cam1.flv?hop=1'],
    ['/route/live/cam1', 404, undefined],
    ['/elsewhere', 404, undefined],
  ])('answers a request for a WebSocket at %s with %d', async (path, status, location) => {
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-key': 'x' };
    const handshake = request(`${base}${path}`, { headers });
    handshake.end();
    const [response] = (await once(handshake, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    expect([response.statusCode, response.headers.location]).toEqual([status, location]);
  });

  it.each([
    ['GET', '/live/cam1.flv', 302, 'http://192.0.2.1:8080/live/cam1.flv?hop=1'],
    ['GET', '/route/live/cam1', 200, undefined],
    ['OPTIONS', '/live/cam1.flv', 204, undefined],
  ])(
    'answers %s %s from somebody who would rather speak HTTP/2 as any other',
    async (method, path, status, location) => {
      const headers = { connection: 'upgrade, http2-settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
      const asked = request(`${base}${path}`, { method, headers });
      asked.end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      expect([response.statusCode, response.headers.location]).toEqual([status, location]);
    },
  );
});

describe('beside an edge', () => {
  it('a router answers only what the edge does not', () => {
    const targets = [
      '/route/live/cam1',
      '/steering/live/cam1.json',
      '/live/cam1.flv',
      '/live/cam1/index.m3u8',
      '/',
      '/elsewhere',
    ];
    expect(targets.map((target) => isForRouter(target, true))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
