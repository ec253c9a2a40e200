import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicStreamListSchema, type AccessPolicy } from '@headwater/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAccess } from '../access/open-access.ts';
import { streamView } from '../testing/node-fixture.ts';
import { answerPublicStreamList } from './public-stream-list.ts';
import { StaticFolder } from './static-folder.ts';

const script = `console.log(${JSON.stringify('x'.repeat(5000))});`;
let folder = '';
let port = 0;
let access: AccessPolicy = openAccess;
const server = createServer((request, response) => {
  const list = {
    access: { decide: (asked) => access.decide(asked) } satisfies AccessPolicy,
    streams: () => [streamView('live/a'), streamView('live/b', { state: 'waiting' }), streamView('live/c')],
    crossOriginHeaders: () => ({ 'Access-Control-Allow-Origin': '*' }),
  };
  if (answerPublicStreamList(list, request, response) || pages.answer(request, response)) return;
  response.writeHead(404).end('none');
});
let pages: StaticFolder;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-page-'));
  writeFileSync(join(folder, '../secret.txt'), 'secret');
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'assets/index-abc.js'), script);
  pages = new StaticFolder(folder);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** A request with the path as it is, which `fetch` would tidy up. */
async function get(path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const request = httpRequest({ host: '127.0.0.1', port, path, ...options }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

describe('StaticFolder', () => {
  it.each(['/', '/index.html', '/?x=1'])(
    'serves the page at %s, to be asked for again each time',
    async (path) => {
      const { status, headers, body } = await get(path);
      expect([status, body.toString()]).toEqual([200, '<!doctype html>']);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-cache');
      expect(headers['content-security-policy']).toContain("default-src 'self'");
    },
  );

  it('serves hashed files to be kept forever', async () => {
    const { headers, body } = await get('/assets/index-abc.js');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(headers['cache-control']).toContain('immutable');
    expect(body.toString()).toBe(script);
  });

  it('answers 304 to who has the file, and only a head to HEAD', async () => {
    const first = await get('/');
    const again = await get('/', { headers: { 'If-None-Match': first.headers.etag ?? '' } });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    const head = await get('/', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '15', 0]);
    expect((await get('/', { method: 'POST' })).status).toBe(405);
  });

  it('compresses for those who can read it', async () => {
    await expect
      .poll(
        async () => (await get('/assets/index-abc.js', { headers: { 'Accept-Encoding': 'gzip' } })).headers,
      )
      .toMatchObject({ 'content-encoding': 'gzip' });
    const refused = await get('/assets/index-abc.js', { headers: { 'Accept-Encoding': 'gzip;q=0' } });
    expect(refused.headers['content-encoding']).toBeUndefined();
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '//etc/passwd',
    '/assets',
    '/assets/',
    '/index.html/',
    '/%00',
    '/\\..\\secret.txt',
    '/constructor',
  ])('serves nothing at %s', async (path) => {
    expect((await get(path)).status).toBe(404);
  });
});

describe('the public list of streams', () => {
  it('has what is live', async () => {
    const { headers, body } = await get('/api/streams');
    const list = publicStreamListSchema.parse(JSON.parse(body.toString()));
    expect(list.streams.map((stream) => stream.name)).toEqual(['a', 'c']);
    expect(list.streams[0]).toEqual({
      app: 'live',
      name: 'a',
      since: '2025-01-01T00:00:00.000Z',
      viewers: 3,
      codecs: ['avc1', 'mp4a'],
    });
    expect(headers['access-control-allow-origin']).toBe('*');
  });

  it('leaves out what the asker may not play, and what fails to be decided', async () => {
    access = {
      decide: async ({ stream, params }) => {
        if (stream === 'live/c') throw new Error('no answer');
        return params.get('token') === 't'
          ? { allowed: true }
          : { allowed: false, code: 'play_denied', description: 'no' };
      },
    };
    const names = async (path: string): Promise<string[]> => {
      const list = publicStreamListSchema.parse(JSON.parse((await get(path)).body.toString()));
      return list.streams.map((stream) => stream.name);
    };
    expect(await names('/api/streams')).toEqual([]);
    expect(await names('/api/streams?token=t')).toEqual(['a']);
    access = openAccess;
  });

  it('is only to be read', async () => {
    expect((await get('/api/streams', { method: 'DELETE' })).status).toBe(405);
    expect((await get('/api/streams', { method: 'HEAD' })).body.length).toBe(0);
  });
});
