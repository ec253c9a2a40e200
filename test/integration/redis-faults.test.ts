// A Redis that dies, sleeps, refuses, loads, or holds what others wrote: what the registry makes of it.
import { NodeHeart, type OwnedStream, type RedisStreamRegistry } from '@headwater/cluster';
import {
  claimedRecord,
  EventLog,
  ownedStream,
  renewed,
  testBeat,
  testClaim,
  testNode,
} from '@headwater/cluster/testing';
import { silentLogger, streamKey, type StreamKey } from '@headwater/contracts';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { defer } from '../support/cleanup.ts';
import { realClock } from '../support/real-clock.ts';
import { type LoggedLine, recordingLogger } from '../support/recording-logger.ts';
import { openRegistry } from '../support/redis-registry.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const n1 = testNode('n1');
const n2 = testNode('n2');
const stream = streamKey('live', 'cam1');
const unavailable = { code: 'registry_unavailable' };

let redis: RunningRedis;
let registry: RedisStreamRegistry;
let lines: LoggedLine[];

beforeEach(async () => {
  lines = [];
  redis = await startRedis();
  registry = openRegistry({ kind: 'single', url: redis.url }, { logger: recordingLogger(lines) });
  await registry.join(n1);
});

const messages = (): string[] => lines.map(({ message }) => message);

/** Keeps a node in the registry, and what it owns. */
function startHeart(of: RedisStreamRegistry, node: typeof n1): Map<StreamKey, OwnedStream> {
  const owned = new Map<StreamKey, OwnedStream>();
  const heart = new NodeHeart({
    registry: of,
    clock: realClock,
    logger: silentLogger,
    node,
    load: () => node.load,
    isDraining: () => false,
    owned: () => owned,
    onLost: (lost) => {
      for (const key of lost.keys()) owned.delete(key);
    },
    limits: { periodMs: 200 },
  });
  void heart.start();
  defer(() => heart.stop());
  return owned;
}

describe('a registry whose Redis', () => {
  it('is restarted empty has everything back, with the same epochs, and watchers hear of no end', async () => {
    const owned = startHeart(registry, n1);
    const log = await EventLog.open(registry);
    const record = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    owned.set(stream, ownedStream(record, { codecs: ['hvc1'] }));
    redis.kill('SIGKILL');
    await waitUntil('calls fail', () =>
      registry.nodes().then(
        () => false,
        () => true,
      ),
    );
    await startRedis({ port: redis.port });
    await waitUntil('the stream is back', async () => {
      const found = await registry.stream(stream).catch(() => undefined);
      return found?.epoch === record.epoch && found.state === 'live' && found.codecs[0] === 'hvc1';
    });
    expect((await registry.nodes()).map(({ nodeId }) => nodeId)).toEqual(['n1']);
    const next = claimedRecord(await registry.claim(testClaim(n1, { credential: 'c' })));
    await log.until(`stream_claimed ${stream} live n1 ${next.epoch}`);
    expect(log.heard.filter((text) => /ended|left|orphaned/.test(text))).toEqual([]);
  });

  it('lets a lease run out by its own time while others beat', async () => {
    const quick = openRegistry({ kind: 'single', url: redis.url }, { leaseMs: 400, keyPrefix: 'quick' });
    await quick.join(n1);
    await quick.claim(testClaim(n1));
    startHeart(quick, n2);
    await waitUntil('the silent node is gone', async () => (await quick.nodes())[0]?.nodeId === 'n2');
    expect(await quick.nodes()).toHaveLength(1);
    expect(await quick.stream(stream)).toMatchObject({ state: 'orphaned' });
  });

  it('sleeps for 5 s is left alone while the circuit is open, and used again when it is back', async () => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    await registry.heartbeat(testBeat(n1, [record]));
    const sleeper = redis.client();
    await sleeper.ping();
    const sleep = sleeper.call('DEBUG', 'SLEEP', '5');
    await waitUntil('the circuit opens', async () => {
      await registry.nodes().catch(() => undefined);
      return registry.circuit === 'open';
    });
    // Thousands of calls cost nothing and queue nowhere.
    const refused = await Promise.allSettled(Array.from({ length: 5_000 }, () => registry.stream(stream)));
    expect(refused.filter(({ status }) => status === 'rejected')).toHaveLength(5_000);
    await sleep;
    await waitUntil('the registry answers', () =>
      registry.nodes().then(
        () => true,
        () => false,
      ),
    );
    expect(registry.circuit).toBe('closed');
    // Nobody could beat meanwhile, and nobody is dead for that.
    expect(await registry.heartbeat(testBeat(n1, [record]))).toEqual(renewed);
    expect(await registry.stream(stream)).toEqual(record);
    expect(messages().filter((message) => message === 'redis cannot be used')).toHaveLength(1);
    expect(messages().filter((message) => message === 'redis can be used again')).toHaveLength(1);
  });

  it('is frozen, and later goes on, is found again', async () => {
    redis.kill('SIGSTOP');
    await waitUntil('the circuit opens', async () => {
      await registry.nodes().catch(() => undefined);
      return registry.circuit === 'open';
    });
    redis.kill('SIGCONT');
    await waitUntil('the registry answers', () =>
      registry.nodes().then(
        () => true,
        () => false,
      ),
    );
  });

  it('has become a replica says READONLY: calls fail, and pass when it is a master again', async () => {
    const other = await startRedis();
    await redis.client().replicaof('127.0.0.1', other.port);
    await expect(registry.claim(testClaim(n1))).rejects.toMatchObject(unavailable);
    await redis.client().call('REPLICAOF', 'NO', 'ONE');
    await waitUntil('the registry answers', () =>
      registry.join(n1).then(
        () => true,
        () => false,
      ),
    );
    claimedRecord(await registry.claim(testClaim(n1)));
  });

  it.each([
    'LOADING Redis is loading the dataset in memory',
    'MASTERDOWN Link with MASTER is down',
    'NOAUTH Authentication required.',
  ])('answers everything with %s is unavailable, and says so once', async (error) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        for (const command of data.toString().matchAll(/^\*\d+\r?$/gm)) {
          if (command[0] !== '') socket.write(`-${error}\r\n`);
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const said: LoggedLine[] = [];
    const refused = openRegistry(
      { kind: 'single', url: `redis://127.0.0.1:${port}` },
      { logger: recordingLogger(said) },
    );
    for (let tries = 0; tries < 3; tries++) await expect(refused.nodes()).rejects.toMatchObject(unavailable);
    await expect(refused.nodes()).rejects.toMatchObject(unavailable);
    const warned = said.filter(({ level }) => level !== 'debug');
    expect(warned).toMatchObject([
      { level: 'warn', message: 'redis cannot be used', fields: { said: error } },
    ]);
  });

  it('answers with other things than replies is unavailable', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const refused = openRegistry({ kind: 'single', url: `redis://127.0.0.1:${port}` });
    await expect(refused.nodes()).rejects.toMatchObject(unavailable);
  });

  it('has lost its scripts gets them again', async () => {
    await registry.nodes();
    await redis.client().script('FLUSH');
    expect(await registry.nodes()).toEqual([n1]);
  });

  it('asks for a password gets it, from the options or from the URL', async () => {
    const locked = await startRedis({ args: ['--requirepass', 'secret'] });
    const url = `127.0.0.1:${locked.port}`;
    for (const [server, access] of [
      [`redis://${url}`, { password: 'secret' }],
      [`redis://:secret@${url}`, {}],
      [`redis://:wrong@${url}`, { username: 'default', password: 'secret' }],
    ] as const) {
      const known = openRegistry({ kind: 'single', url: server }, { access });
      expect(await known.nodes()).toEqual([]);
    }
    const unknown = openRegistry({ kind: 'single', url: `redis://:wrong@${url}` });
    await expect(unknown.nodes()).rejects.toMatchObject(unavailable);
  });
});

describe('a registry whose keys hold what others wrote', () => {
  const key = (name: string): string => `{headwater}:${name}`;
  const names = [
    'clock',
    'leases',
    'runs',
    'nodes',
    'beats',
    'streams',
    'owners',
    'ended',
    'events',
    'jobs',
    'removed-jobs',
  ];

  it.each(names)('goes on when %s is of another type, and keeps aside what was there', async (name) => {
    const store = redis.client();
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    await store.set(key(name), 'mine');
    const log = await EventLog.open(registry);
    if ((await registry.heartbeat(testBeat(n1, [record]))).outcome === 'unknown_node') {
      await registry.join(n1);
      await registry.heartbeat(testBeat(n1, [record]));
    }
    expect(await registry.stream(stream)).toEqual(record);
    expect(await registry.nodes()).toContainEqual(n1);
    const next = claimedRecord(await registry.claim(testClaim(n1, { mayReplace: true })));
    await log.until(`stream_claimed ${stream} live n1 ${next.epoch}`);
    expect(next.epoch).toBeGreaterThan(record.epoch);
    expect(await store.get(key(`set-aside:${name}`))).toBe('mine');
    expect(await store.pttl(key(`set-aside:${name}`))).toBeGreaterThan(0);
    const line = lines.find(({ message }) => message === 'registry key held something else');
    expect(line).toMatchObject({ level: 'error', fields: { key: key(name), held: 'string' } });
  });

  it('ignores unreadable streams, nodes and events, says so, and takes their names like free ones', async () => {
    const store = redis.client();
    const good = claimedRecord(await registry.claim(testClaim(n1)));
    const log = await EventLog.open(registry);
    const junk = [
      'junk',
      '[]',
      '{}',
      'null',
      '"x"',
      '{"owner":1}',
      JSON.stringify({
        owner: 'n1',
        run: 'x',
        relay: '',
        state: 'live',
        codecs: '[]',
        since: '1',
        epoch: '1e400',
      }),
      JSON.stringify({
        owner: 'n1',
        run: 'x',
        relay: '',
        state: 'live',
        codecs: '[]',
        since: '1',
        epoch: '-5',
      }),
      JSON.stringify({ owner: 'n1', run: 'x', relay: '', state: 'live', codecs: '[]', since: '1', epoch: 5 }),
      JSON.stringify({
        owner: 'n1',
        run: 'x',
        relay: '',
        state: 'dead',
        codecs: '[]',
        since: '1',
        epoch: '5',
      }),
      JSON.stringify({
        owner: 'n1',
        run: 'x',
        relay: '',
        state: 'live',
        codecs: '{}',
        since: 'now',
        epoch: '5',
      }),
      '['.repeat(5_000),
      'x'.repeat(20_000_000),
      Buffer.from([0xff, 0x00, 0xfe]),
    ];
    for (const [index, text] of junk.entries()) await store.hset(key('streams'), `live/junk${index}`, text);
    await store.hset(key('streams'), '../../etc', JSON.stringify({}), '', 'x', 'live/ok/no', 'y');
    await store.hset(key('nodes'), 'n9', '{"nodeId":9}', 'n8', 'z'.repeat(1_000_000));
    await store.hset(key('beats'), 'n9', '1{}', 'n8', 'junk');
    await store.hset(key('runs'), 'n9', 'r', 'n8', 'r', 'n7', 'r');
    await store.zadd(key('leases'), 1e15, 'n9', 1e15, 'n8', '+inf', 'n7', '-inf', 'n6');
    await store.zadd(key('ended'), '+inf', 'live/inf', 1e300, 'live/big', -3, 'live/low', 0.5, 'live/half');
    await store.zadd(key('owners'), 5, 'junk', 0, '2:n17:n1 run 1/live/junk0');
    for (const fields of [
      ['a', 'b'],
      ['type', 'stream_claimed', 'stream', 'live/x', 'record', 'junk'],
      ['life', 'other', 'seq', 'NaN', 'type', 'nothing'],
      ['life', '', 'seq', '1', 'type', 'node_joined', 'node', 'x'.repeat(1_000_000), 'beat', ''],
    ]) {
      await store.xadd(key('events'), '*', ...fields);
    }
    expect(await registry.streams()).toEqual([good]);
    expect(await registry.nodes()).toContainEqual(n1);
    expect(await registry.heartbeat(testBeat(n1, [good]))).toEqual(renewed);
    for (const [index] of junk.entries()) {
      const name = streamKey('live', `junk${index}`);
      const taken = claimedRecord(await registry.claim(testClaim(n1, { stream: name, mayReplace: true })));
      expect(await registry.stream(name)).toEqual(taken);
      expect(await registry.release(name, n1, taken.epoch)).toBe(true);
    }
    for (const name of ['inf', 'big', 'low', 'half']) {
      const taken = claimedRecord(await registry.claim(testClaim(n1, { stream: streamKey('live', name) })));
      expect(taken.epoch).toBeLessThan(2 ** 45);
    }
    const last = claimedRecord(await registry.claim(testClaim(n1, { stream: streamKey('live', 'last') })));
    await log.until(`stream_claimed live/last live n1 ${last.epoch}`);
    const warnings = lines.filter(({ message }) => message === 'registry holds unreadable data');
    expect(warnings.length).toBeGreaterThan(0);
    expect(JSON.stringify(warnings).length).toBeLessThan(50_000);
    expect(messages()).not.toContain('registry listener threw');
  });

  it.each([
    ['seen', 'junk'],
    ['seen', '1e308'],
    ['skipped', '-nan'],
    ['seq', 'x'],
    ['floor', 'inf'],
    ['life', ''],
  ])('goes on when %s of the clock is %s', async (field, value) => {
    const record = claimedRecord(await registry.claim(testClaim(n1)));
    await redis.client().hset(key('clock'), field, value);
    if ((await registry.heartbeat(testBeat(n1, [record]))).outcome !== 'renewed') await registry.join(n1);
    expect(await registry.heartbeat(testBeat(n1, [record]))).toEqual(renewed);
    const next = claimedRecord(await registry.claim(testClaim(n1, { mayReplace: true })));
    expect(next.epoch).toBeGreaterThan(record.epoch);
    expect(next.epoch).toBeLessThan(2 ** 45);
    expect(await registry.nodes()).toEqual([n1]);
  });

  it('refuses to write what it would not read', async () => {
    const long = 'x'.repeat(20_000);
    const malformed = { code: 'request_malformed' };
    await expect(registry.claim(testClaim(n1, { credential: long }))).rejects.toMatchObject(malformed);
    await expect(registry.join({ ...n1, zone: long })).rejects.toMatchObject(malformed);
    const { epoch } = claimedRecord(await registry.claim(testClaim(n1)));
    const update = { stream, owner: n1, epoch, codecs: [long] };
    await expect(registry.update(update)).rejects.toMatchObject(malformed);
  });
});
