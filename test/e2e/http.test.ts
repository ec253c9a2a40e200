// What the viewer port answers, to players and to everybody else.
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { problemSchema } from '@headwater/contracts';
import { FlvReader } from '@headwater/media';
import { testFrames, type TestStreamOptions } from '@headwater/media/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { MediaPublisher } from '../support/media-publisher.ts';
import { watch } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

let node: RunningHeadwater;

beforeAll(async () => {
  node = await startHeadwater({
    set: { 'viewer.waitForStream': '500ms', 'limits.publisherSilence': '5m' },
    config: 'http:\n  corsOrigins: [https://example.org]\n',
  });
  await Promise.all([
    publish('both', {}),
    publish('picture', { audio: 'none' }),
    publish('sound', { video: 'none', seconds: 4 }),
  ]);
});

async function publish(name: string, options: TestStreamOptions): Promise<void> {
  const publisher = await MediaPublisher.start(node.rtmpUrl(`live/${name}`));
  await publisher.send(testFrames({ seconds: 1, ...options }));
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/** Sends a request with the path exactly as it is, and resolves with the head of the answer. */
async function ask(path: string, asking: Asking = {}): Promise<IncomingMessage> {
  const [host, port] = (node.ready.http ?? '').split(':');
  const { agent = false, ...rest } = asking;
  const [response] = (await once(request({ host, port, path, agent, ...rest }).end(), 'response')) as [
    IncomingMessage,
  ];
  return response;
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Asks for what is refused: status and problem, which must be there and say the same. */
async function refusalOf(path: string, asking: Asking = {}): Promise<[number, string, string]> {
  const response = await ask(path, asking);
  expect(response.headers['content-type']).toBe('application/problem+json');
  const { type, status, detail = '' } = problemSchema.parse(JSON.parse(await bodyOf(response)));
  expect(status).toBe(response.statusCode);
  return [status, type.replace('urn:headwater:error:', ''), detail];
}

/** Sends bytes and resolves with all that comes back until the server ends the connection. */
async function exchange(text: string): Promise<string> {
  const [host = '', port] = (node.ready.http ?? '').split(':');
  const socket = connect(Number(port), host);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => socket.destroy());
  socket.write(text);
  await waitUntil('the server ends the connection', () => socket.destroyed || socket.readableEnded);
  return Buffer.concat(chunks).toString('latin1');
}

describe('GET of a stream', () => {
  it.each([
    ['both', { hasAudio: true, hasVideo: true }],
    ['picture', { hasAudio: false, hasVideo: true }],
    ['sound', { hasAudio: true, hasVideo: false }],
  ])('that has %s begins with a head for players and true flags', async (name, flags) => {
    const response = await ask(`/live/${name}.flv`);
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ 'content-type': 'video/x-flv', 'cache-control': 'no-store' });
    expect(response.headers['content-length']).toBeUndefined();
    const reader = new FlvReader();
    response.on('data', (bytes: Buffer) => reader.read(bytes, () => undefined));
    await waitUntil('the FLV header is there', () => reader.flags);
    expect(reader.flags).toEqual(flags);
    response.destroy();
  });

  it.each(['low', 'normal'])('is served with ?latency=%s', async (latency) => {
    const response = await ask(`/live/both.flv?latency=${latency}`);
    expect(response.statusCode).toBe(200);
    const [bytes] = (await once(response, 'data')) as [Buffer];
    expect(bytes.subarray(0, 3).toString()).toBe('FLV');
    response.destroy();
  });

  it('with another latency is answered 400 with what there is', async () => {
    const [status, code, detail] = await refusalOf('/live/both.flv?latency=bogus');
    expect([status, code]).toEqual([400, 'request_malformed']);
    expect(detail).toContain('low or normal');
  });

  it('that does not come is answered 404 with a body, and the connection stays for more', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let count = 0; count < 2; count++) {
      const response = await ask('/live/nobody.flv', { agent });
      expect(response.statusCode).toBe(404);
      ports.add(response.socket.localPort);
      const problem = problemSchema.parse(JSON.parse(await bodyOf(response)));
      expect(problem).toMatchObject({ type: 'urn:headwater:error:stream_not_found', isRetryable: true });
      expect(problem.detail).toContain('live/nobody');
    }
    const list = await ask('/api/streams', { agent });
    ports.add(list.socket.localPort);
    expect(await bodyOf(list)).toContain('"name":"both"');
    expect(ports.size).toBe(1);
    agent.destroy();
  });

  it('of an unknown app is answered 404 with the apps there are', async () => {
    const [status, code, detail] = await refusalOf('/vod/both.flv');
    expect([status, code]).toEqual([404, 'app_unknown']);
    expect(detail).toContain('served=live');
  });

  it.each([
    '/live/...flv',
    '/live/..flv',
    '/live/%2e%2e.flv',
    '/live/a%00b.flv',
    '/live/%2fetc%2fpasswd.flv',
    '/live/caf%C3%A9.flv',
    `/live/${'x'.repeat(129)}.flv`,
  ])('with the bad name in %s is answered 400 with what a name looks like', async (path) => {
    const [status, code, detail] = await refusalOf(path);
    expect([status, code]).toEqual([400, 'stream_name_invalid']);
    expect(detail).toContain('1 to 128 of A-Z a-z 0-9 _ . -');
  });

  it('over HTTP/1.0 is served as well', async () => {
    const [host = '', port] = (node.ready.http ?? '').split(':');
    const socket = connect(Number(port), host);
    socket.write('GET /live/both.flv HTTP/1.0\r\n\r\n');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    await waitUntil('the stream has begun', () => text.includes('\r\n\r\nFLV\x01\x05'));
    expect(text).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
    socket.destroy();
  });
});

describe('a second request', () => {
  it('behind the one for a stream ends the connection instead of mixing into the stream', async () => {
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
    const answer = await exchange(get('/live/both.flv') + get('/api/streams'));
    expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(answer).not.toContain('"streams"');
  });
});

describe('other methods', () => {
  it('HEAD says whether the stream is live, at once and without a body', async () => {
    const live = await ask('/live/both.flv', { method: 'HEAD' });
    expect(live.statusCode).toBe(200);
    expect(live.headers['content-type']).toBe('video/x-flv');
    expect(await bodyOf(live)).toBe('');
    const missing = await ask('/live/nobody.flv', { method: 'HEAD' });
    expect(missing.statusCode).toBe(404);
    expect(await bodyOf(missing)).toBe('');
  });

  it('OPTIONS is answered for pages that may play', async () => {
    const preflight = {
      method: 'OPTIONS',
      headers: { Origin: 'https://example.org', 'Access-Control-Request-Method': 'GET' },
    };
    const { statusCode, headers } = await ask('/live/both.flv', preflight);
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://example.org',
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      vary: 'Origin',
    });
  });

  it('POST is refused with the methods there are', async () => {
    const response = await ask('/live/both.flv', { method: 'POST' });
    expect([response.statusCode, response.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });
});

describe('a page of another origin', () => {
  it('may read a stream, and the answer that there is none, when its origin is listed', async () => {
    const headers = { Origin: 'https://example.org' };
    for (const path of ['/live/both.flv', '/live/nobody.flv', '/vod/both.flv', '/api/streams']) {
      const response = await ask(path, { headers });
      expect(response.headers['access-control-allow-origin'], path).toBe('https://example.org');
      response.destroy();
    }
  });

  it('is not let in by the headers when it is not listed', async () => {
    const headers = { Origin: 'https://example.net' };
    for (const path of ['/live/both.flv', '/api/streams']) {
      const response = await ask(path, { headers });
      expect(response.headers['access-control-allow-origin'], path).toBeUndefined();
      response.destroy();
    }
  });

  it('is refused a WebSocket when it is not listed, as CORS does not cover these', async () => {
    const upgrade = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    const [status, code] = await refusalOf('/live/both.flv', {
      headers: { ...upgrade, Origin: 'https://example.net' },
    });
    expect([status, code]).toEqual([403, 'play_denied']);
  });
});

describe('a WebSocket', () => {
  it.each([
    ['live/nobody', '404'],
    ['vod/both', '404'],
    ['live/..', '400'],
  ])('for %s is refused before it opens, with %s', async (stream, status) => {
    const viewer = watch(node, 'ws-flv', stream);
    await waitUntil('the answer is there', () => viewer.end);
    expect(viewer.answers).toEqual([status]);
  });
});
