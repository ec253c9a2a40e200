import { afterEach, beforeEach, expect, it } from 'vitest';
import { json, ScriptedConsul } from '../testing/index.ts';
import { ConsulClient } from './consul-client.ts';
import type { ConsulFailure } from './consul-failure.ts';

let script: ScriptedConsul;
let client: ConsulClient;

beforeEach(async () => {
  script = await ScriptedConsul.start(json([]));
  client = new ConsulClient({ url: script.url, token: 'secret', callMs: 300, maxAnswerBytes: 1_000 });
});

afterEach(async () => {
  client.close();
  await script.close();
});

async function failureOf(call: Promise<unknown>): Promise<ConsulFailure> {
  return await call.then(
    () => Promise.reject(new Error('the call succeeded')),
    (failure: unknown) => failure as ConsulFailure,
  );
}

it('asks with the token in every kind of call, and with index and wait where it blocks', async () => {
  const tokens = new Set<unknown>();
  script.answer = (request, response) => {
    tokens.add(request.headers['x-consul-token']);
    json([], { 'x-consul-index': '7' })(request, response);
  };
  await client.register({ id: 'a', name: 's', tags: [], meta: {}, ttlMs: 2_000 });
  await client.pass('a b');
  const answer = await client.services({ service: 's', datacenter: 'x', index: '5', waitMs: 9_000 });
  await client.nodeCoordinates('x');
  await client.deregister('a b');
  expect([...tokens]).toEqual(['secret']);
  expect(answer).toEqual({ body: [], index: '7', hasLeader: true, isFiltered: false });
  expect(script.asked).toEqual([
    'PUT /v1/agent/service/register',
    'PUT /v1/agent/check/pass/service%3Aa%20b',
    'GET /v1/health/service/s?dc=x&stale=1&index=5&wait=9000ms',
    'GET /v1/coordinate/nodes?dc=x&stale=1',
    'PUT /v1/agent/service/deregister/a%20b',
  ]);
});

it('fails in time when nothing answers, when an answer never ends, and when it ends too early', async () => {
  script.answer = () => undefined;
  expect(await failureOf(client.datacenters())).toMatchObject({ kind: 'timeout' });
  script.answer = (_request, response) => void response.write('[');
  expect(await failureOf(client.datacenters())).toMatchObject({ kind: 'timeout' });
  const unhurried = new ConsulClient({ url: script.url, callMs: 1e6 });
  script.answer = (_request, response) => void response.write('[', () => response.destroy());
  expect(await failureOf(unhurried.datacenters())).toMatchObject({
    ...{ kind: 'answer', said: 'connection broke within the answer' },
  });
  unhurried.close();
});

it('gives up an answer that is larger than allowed', async () => {
  const small = new ConsulClient({ url: script.url, callMs: 1e6, maxAnswerBytes: 1_000 });
  script.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const pour = (): void => {
      if (!response.destroyed) response.write(' '.repeat(600), pour);
    };
    pour();
  };
  expect(await failureOf(small.datacenters())).toMatchObject({
    ...{ kind: 'answer', said: 'answer is larger than 1000 bytes' },
  });
  small.close();
});

it('tells apart what Consul says', async () => {
  const cases = [
    { status: 403, says: 'ACL not found', kind: 'denied', message: 'Consul does not know the token' },
    { status: 403, says: 'Permission denied', kind: 'denied', message: 'the token may not do this' },
    {
      status: 500,
      says: 'rpc error: Permission denied',
      kind: 'denied',
      message: 'the token may not do this',
    },
    { status: 500, says: 'Unknown check "a"', kind: 'unknown', message: 'does not know what was meant' },
    { status: 404, says: 'Unknown service ID', kind: 'unknown', message: 'does not know what was meant' },
    { status: 500, says: 'No cluster leader', kind: 'answer', message: 'was not usable' },
    { status: 500, says: `x\n${'y'.repeat(900)}`, kind: 'answer', message: 'x yyy' },
  ];
  for (const { status, says, kind, message } of cases) {
    script.answer = (_request, response) => void response.writeHead(status).end(says);
    const failure = await failureOf(client.pass('a'));
    expect(failure).toMatchObject({ kind, status, message: expect.stringContaining(message) as string });
    expect(failure.message.length).toBeLessThan(300);
    expect(failure.message).not.toContain('secret');
  }
});

it('fails on an answer that is no JSON', async () => {
  script.answer = (_request, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":');
  expect(await failureOf(client.datacenters())).toMatchObject({ kind: 'answer', status: 200 });
});

it('fails when nobody listens, and every call once it is closed or given up', async () => {
  const nobody = new ConsulClient({ url: 'http://127.0.0.1:1' });
  expect(await failureOf(nobody.datacenters())).toMatchObject({ kind: 'unreachable' });
  nobody.close();
  const abort = new AbortController();
  script.answer = () => {
    abort.abort();
  };
  const query = { service: 's', datacenter: 'x', signal: abort.signal };
  expect(await failureOf(client.services(query))).toMatchObject({ kind: 'unreachable' });
  expect(await failureOf(client.services(query))).toMatchObject({ said: 'given up' });
  script.answer = () => {
    client.close();
  };
  expect(await failureOf(client.datacenters())).toMatchObject({ kind: 'unreachable' });
  expect(await failureOf(client.datacenters())).toMatchObject({ said: 'given up' });
});
