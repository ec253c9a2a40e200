import { once } from 'node:events';
import { connect } from 'node:net';
import {
  AppError,
  jobListSchema,
  problemSchema,
  sessionPageSchema,
  statusViewSchema,
  streamPageSchema,
  type PullJob,
  type Readiness,
} from '@headwater/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeContext } from '../node-context.ts';
import { jobDesk, nodeView, sessionView, streamView, testContext } from '../testing/node-fixture.ts';
import { AdminServer } from './admin-server.ts';
import type { NodeView } from './node-view.ts';

const running: AdminServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop(0);
});

const drains: number[] = [];
const drain = async (deadlineMs: number): Promise<void> => {
  drains.push(deadlineMs);
  await Promise.resolve();
};

async function start(
  view: Partial<NodeView> = {},
  readiness: Readiness = { isReady: true, reasons: [] },
  over: Partial<NodeContext> = {},
): Promise<string> {
  const context = testContext(over);
  const server = new AdminServer({ context, view: nodeView(view), readiness: () => readiness, drain });
  await server.start();
  running.push(server);
  return `http://${context.addresses.all().admin ?? ''}`;
}

async function problemAt(url: string, init: RequestInit = {}): Promise<[number, string, string]> {
  const response = await fetch(url, init);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = problemSchema.parse(await response.json());
  expect(problem.status).toBe(response.status);
  return [response.status, problem.type, problem.detail ?? ''];
}

describe('health', () => {
  it('answers that the process is alive', async () => {
    const response = await fetch(`${await start()}/healthz`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  it.each(['/healthz', '/readyz', '/metrics', '/api/v1/status'])(
    'answers HTTP/1.0 without a Host, as load balancers speak, at %s',
    async (path) => {
      const { port, hostname } = new URL(await start());
      const client = connect(Number(port), hostname);
      client.write(`GET ${path} HTTP/1.0\r\n\r\n`);
      const [answer] = (await once(client, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
      client.destroy();
    },
  );

  it('answers 200 when ready, and 503 with the reasons when not', async () => {
    expect((await fetch(`${await start()}/readyz`)).status).toBe(200);
    const starting = { isReady: false, reasons: ['node is starting'] };
    const response = await fetch(`${await start({}, starting)}/readyz`);
    expect([response.status, await response.json()]).toEqual([503, starting]);
  });

  it('serves metrics as text', async () => {
    const context = testContext();
    context.metrics.counter({ name: 'headwater_test_total', help: 'Test.' }).add(3);
    const response = await fetch(`${await start({}, undefined, { metrics: context.metrics })}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toContain('headwater_test_total 3');
  });
});

describe('streams', () => {
  const streams = ['live/c', 'live/a', 'live/b'].map((key) => streamView(key));

  it('are listed in the order of their keys, page by page', async () => {
    const url = await start({ streams: () => streams });
    const first = streamPageSchema.parse(await (await fetch(`${url}/api/v1/streams?limit=2`)).json());
    expect(first.items.map((item) => item.key)).toEqual(['live/a', 'live/b']);
    const next = `${url}/api/v1/streams?limit=2&cursor=${encodeURIComponent(first.nextCursor ?? '')}`;
    const last = streamPageSchema.parse(await (await fetch(next)).json());
    expect(last.items.map((item) => item.key)).toEqual(['live/c']);
    expect(last.nextCursor).toBeUndefined();
  });

  it('are found by key', async () => {
    const url = await start({ streams: () => streams });
    expect(await (await fetch(`${url}/api/v1/streams/live/b`)).json()).toEqual(streams[2]);
    const [status, type, detail] = await problemAt(`${url}/api/v1/streams/live/x`);
    expect([status, type]).toEqual([404, 'urn:headwater:error:stream_not_found']);
    expect(detail).toContain('live/x');
  });

  it.each(['/api/v1/streams/live/%00', '/api/v1/streams/li%20ve/a', '/api/v1/streams/live/%2e%2e%2fx'])(
    'are not looked for under the name of %s',
    async (path) => {
      const [status, type] = await problemAt(`${await start()}${path}`);
      expect([status, type]).toEqual([400, 'urn:headwater:error:stream_name_invalid']);
    },
  );

  it.each(['limit=0', 'limit=1001', 'limit=x'])('are refused with the parameter %s', async (query) => {
    const [status, type, detail] = await problemAt(`${await start()}/api/v1/streams?${query}`);
    expect([status, type]).toEqual([400, 'urn:headwater:error:request_malformed']);
    expect(detail).toContain('parameter=limit');
  });
});

describe('sessions', () => {
  const sessions = [
    sessionView('1', { role: 'publisher' }),
    sessionView('2', { protocol: 'ws-flv' }),
    sessionView('3', { stream: 'live/b' }),
  ];

  it.each([
    ['', ['1', '2', '3']],
    ['?role=viewer', ['2', '3']],
    ['?protocol=ws-flv', ['2']],
    ['?stream=live/b', ['3']],
    ['?stream=live/a&role=publisher', ['1']],
  ])('are listed with the filter %j', async (query, ids) => {
    const url = await start({ sessions: () => sessions });
    const page = sessionPageSchema.parse(await (await fetch(`${url}/api/v1/sessions${query}`)).json());
    expect(page.items.map((item) => item.id)).toEqual(ids);
  });

  it('are closed by DELETE, and not found when they are gone', async () => {
    const kicked: string[] = [];
    const url = await start({ kick: (id) => id === '2' && kicked.push(id) > 0, sessions: () => sessions });
    expect((await fetch(`${url}/api/v1/sessions/2`, { method: 'DELETE' })).status).toBe(204);
    expect(kicked).toEqual(['2']);
    expect(await problemAt(`${url}/api/v1/sessions/9`, { method: 'DELETE' })).toEqual([
      404,
      'about:blank',
      'there is no session with this id',
    ]);
    expect(await (await fetch(`${url}/api/v1/sessions/2`)).json()).toEqual(sessions[1]);
    expect((await problemAt(`${url}/api/v1/sessions/9`))[0]).toBe(404);
  });
});

describe('nodes', () => {
  it('answer with what they are and how much they serve', async () => {
    const view = {
      streams: () => [streamView('live/a')],
      sessions: () => [sessionView('1'), sessionView('2')],
    };
    const status = statusViewSchema.parse(await (await fetch(`${await start(view)}/api/v1/status`)).json());
    expect(status).toMatchObject({
      nodeId: 'test-node',
      version: '1.2.3',
      streams: 1,
      publishers: 0,
      viewers: 2,
    });
  });

  it('are 503 with a hint to retry when it may succeed later', async () => {
    const url = await start({ nodes: () => Promise.reject(new AppError('registry_unavailable')) });
    const response = await fetch(`${url}/api/v1/nodes`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('answer 500 without the details of a fault of ours, and log it', async () => {
    const logged: unknown[] = [];
    const base = testContext().logger;
    const logger = { ...base, error: (fields: unknown) => void logged.push(fields) };
    const broken = { nodes: () => Promise.reject(new Error('secret detail')) };
    const url = await start(broken, undefined, { logger });
    const [status, type, detail] = await problemAt(`${url}/api/v1/nodes`);
    expect([status, type, detail]).toEqual([500, 'urn:headwater:error:internal', 'internal error']);
    expect(logged).toEqual([{ err: new Error('secret detail'), path: '/api/v1/nodes' }]);
  });
});

describe('jobs', () => {
  const job = { kind: 'pull', source: 'rtsp://u:hush@camera.example/main', stream: 'live/cam1' };
  const post = (body: unknown): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

  it('are listed, added and removed, and shown without passwords', async () => {
    const added: PullJob[] = [];
    const view = {
      id: 'live:cam1',
      kind: 'pull' as const,
      source: 'rtsp://camera.example/main',
      stream: 'live/cam1',
    };
    const desk = jobDesk({
      list: async () => Promise.resolve([view]),
      add: async (given) => {
        added.push(given);
        return Promise.resolve({ isNew: added.length === 1, job: view });
      },
      remove: async (id) => Promise.resolve(id === view.id),
    });
    const url = `${await start({ jobs: desk })}/api/v1/jobs`;
    expect(jobListSchema.parse(await (await fetch(url)).json())).toEqual({ items: [view] });
    const first = await fetch(url, post(job));
    expect([first.status, await first.json()]).toEqual([201, view]);
    expect((await fetch(url, post(job))).status).toBe(200);
    expect(added[0]).toEqual({ id: 'live:cam1', ...job });
    expect((await fetch(`${url}/live:cam1`, { method: 'DELETE' })).status).toBe(204);
    expect((await problemAt(`${url}/live:cam2`, { method: 'DELETE' }))[0]).toBe(404);
    expect((await problemAt(`${url}/nothing`, { method: 'DELETE' }))[0]).toBe(400);
  });

  it.each([
    [{ ...job, source: 'ftp://u:hush@h/' }, 'source=ftp://u:***@h/, expected=rtsp://HOST'],
    [{ ...job, stream: 'cam1' }, 'expected=app/name'],
    [{ ...job, kind: 'push' }, 'parameter=kind'],
    [{ ...job, to: 'x' }, 'to'],
    ['nothing', 'expected object'],
  ])('that are none are refused: %j', async (wrong, what) => {
    const [status, , detail] = await problemAt(`${await start()}/api/v1/jobs`, post(wrong));
    expect(status).toBe(400);
    expect(detail).toContain(what);
    expect(detail).not.toContain('hush');
  });

  it('are refused with the failure of the catalogue', async () => {
    const failing = jobDesk({ add: () => Promise.reject(new AppError('job_conflict')) });
    const url = `${await start({ jobs: failing })}/api/v1/jobs`;
    const [status, type] = await problemAt(url, post(job));
    expect([status, type]).toEqual([409, 'urn:headwater:error:job_conflict']);
  });

  it('are refused when they are too long, of unknown length, or no JSON', async () => {
    const url = `${await start()}/api/v1/jobs`;
    expect((await problemAt(url, post({ ...job, source: 'x'.repeat(20_000) })))[0]).toBe(413);
    const streamed = new Blob([JSON.stringify(job)]).stream();
    const init = { method: 'POST', body: streamed, duplex: 'half' } as RequestInit;
    expect((await problemAt(url, init))[0]).toBe(413);
    const malformed = { ...post(job), body: '{' };
    expect((await problemAt(url, malformed))[0]).toBe(400);
    expect((await problemAt(url, { ...post(job), headers: {} }))[0]).toBe(400);
  });
});

describe('the API', () => {
  it('describes itself', async () => {
    const response = await fetch(`${await start()}/api/v1/openapi.json`);
    const document = (await response.json()) as { openapi: string; paths: Record<string, object> };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths['/api/v1/sessions/{id}'] ?? {})).toEqual(['get', 'delete']);
  });

  it('answers 404 for unknown paths and 405 with the methods for known ones', async () => {
    const url = await start();
    expect((await problemAt(`${url}/nothing`))[0]).toBe(404);
    expect(await problemAt(`${url}/api/v1/streams/live/a`, { method: 'POST' })).toEqual([
      405,
      'about:blank',
      'only GET',
    ]);
  });

  it('refuses a request with a body', async () => {
    const url = await start();
    const init = { method: 'DELETE', body: 'x' };
    expect((await problemAt(`${url}/api/v1/sessions/1`, init))[0]).toBe(413);
  });

  it('refuses a request head that is too large', async () => {
    const response = await fetch(`${await start()}/healthz`, { headers: { 'x-large': 'x'.repeat(20_000) } });
    expect(response.status).toBe(431);
  });
});

describe('drain', () => {
  it('begins with the deadline that is asked for, or five minutes', async () => {
    const url = await start();
    expect((await fetch(`${url}/api/v1/drain?deadlineSeconds=30`, { method: 'POST' })).status).toBe(202);
    expect((await fetch(`${url}/api/v1/drain`, { method: 'POST' })).status).toBe(202);
    expect(drains.splice(0)).toEqual([30_000, 300_000]);
  });

  it('does not begin with a deadline that is none, or by a GET', async () => {
    const url = await start();
    const [status] = await problemAt(`${url}/api/v1/drain?deadlineSeconds=soon`, { method: 'POST' });
    expect(status).toBe(400);
    expect((await problemAt(`${url}/api/v1/drain`))[0]).toBe(405);
    expect(drains).toEqual([]);
  });
});

describe('AdminServer.stop', () => {
  it('cuts connections that are still open at the deadline', async () => {
    const context = testContext();
    const server = new AdminServer({
      context,
      view: nodeView(),
      readiness: () => ({ isReady: true, reasons: [] }),
      drain,
    });
    await server.start();
    const [host, port] = (context.addresses.all().admin ?? '').split(':');
    const socket = connect(Number(port), host);
    await once(socket, 'connect');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
    // Whether a cut shows as a reset is up to the system.
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await server.stop(1);
    await closed;
  });

  it('frees the port', async () => {
    const first = testContext();
    const make = (context: NodeContext): AdminServer =>
      new AdminServer({
        context,
        view: nodeView(),
        readiness: () => ({ isReady: true, reasons: [] }),
        drain,
      });
    const server = make(first);
    await server.start();
    const port = Number(first.addresses.all().admin?.split(':')[1]);
    const taken = testContext();
    const second = make({ ...taken, config: { ...taken.config, admin: { host: '127.0.0.1', port } } });
    await expect(second.start()).rejects.toThrow(/address=127\.0\.0\.1:\d+, reason=the port is in use/);
    await server.stop(1000);
    const third = make({ ...taken, config: { ...taken.config, admin: { host: '127.0.0.1', port } } });
    await third.start();
    await third.stop(1000);
  });
});
