// Wrong data in the registry, a Redis that answers with errors, two processes of one name: each is a clear line in the log,
// and none of it reaches media.
import { expect, it } from 'vitest';
import { ChaosCluster } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, seeSession, Witness, watchOn } from '../support/chaos-witness.ts';
import { type RunningHeadwater, runHeadwater, startHeadwater } from '../support/headwater.ts';
import { RedisAnswerProxy } from '../support/redis-answer-proxy.ts';
import { startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;

const linesOf = (node: RunningHeadwater, message: string) => node.logs().filter(({ msg }) => msg === message);

const redisErrors = [
  ["READONLY You can't write against a read only replica.", 'must lead to the master'],
  ['LOADING Redis is loading the dataset in memory', 'is reading its data'],
  ['MOVED 1234 127.0.0.1:7001', 'registry.redis.nodes'],
  ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', 'SCRIPT KILL'],
  ['NOAUTH Authentication required.', 'registry.redis.password'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'refuses the user name or password'],
  ['', 'Redis does not answer'],
] as const;

it('a Redis that answers with errors, or nothing for 5 s: one line each that says what is wrong, and nothing else', async () => {
  const redis = await startRedis();
  const way = await RedisAnswerProxy.start(redis.port);
  const start = async (role: 'origin' | 'edge' | 'controller'): Promise<RunningHeadwater> => {
    const url = `redis://127.0.0.1:${String(way.port)}`;
    const set = { 'node.id': role, 'registry.kind': 'redis', 'registry.redis.url': url };
    return startHeadwater({ role, set: { ...set, 'registry.lease': '3s', 'registry.heartbeat': '500ms' } });
  };
  const nodes = await Promise.all([start('origin'), start('edge'), start('controller')]);
  const [origin, edge] = nodes;
  const isBack = (count: number) => () =>
    nodes.every((node) => linesOf(node, 'redis can be used again').length === count);
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [origin.ready.rtmp ?? ''] });
  const witnesses = Witness.watchAll(edge, 'live/cam');
  await seeMore(witnesses);
  for (const witness of witnesses) witness.mark();

  for (const [index, [error]] of redisErrors.entries()) {
    const until = performance.now() + (error === '' ? 5_000 : 1_500);
    way.answerWith(error);
    await waitUntil(`every node says that Redis answers ${error}`, () =>
      nodes.every((node) => linesOf(node, 'redis cannot be used').length === index + 1),
    );
    await waitUntil('some time has passed', () => performance.now() > until);
    way.answerWith(undefined);
    await waitUntil('Redis is used again', isBack(index + 1));
  }

  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  for (const node of nodes) {
    const said = linesOf(node, 'redis cannot be used');
    expect(said).toMatchObject(
      redisErrors.map(([error, problem]) => ({
        level: 'warn',
        problem: expect.stringContaining(problem) as string,
        ...(error === '' ? {} : { said: error }),
      })),
    );
    const trouble = node
      .logs()
      .filter(({ level, msg }) => level !== 'info' && msg !== 'redis cannot be used');
    const known = [
      'controller judges nobody until it has seen a full lease',
      'registry events were missed; listing everything',
    ];
    const others = trouble.map(({ msg }) => msg ?? '').filter((msg) => !known.includes(msg));
    expect(others).toEqual([]);
  }
});

const keyNames = [
  ...['clock', 'leases', 'runs', 'nodes', 'beats', 'streams', 'owners', 'ended', 'events', 'leader'],
  ...['jobs', 'removed-jobs'],
];
const key = (name: string): string => `{headwater}:${name}`;

it('keys of another type, and keys full of junk, are said and mended; media goes on, and so do publishing and joining', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 1, controllers: 1 });
  const store = cluster.redisClient();
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [cluster.origin(0).rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const epoch = async (): Promise<number | undefined> => (await cluster.origin(0).stream('live/cam'))?.epoch;
  const before = await epoch();
  const isMended = async (): Promise<void> => {
    await cluster.untilComplete();
    await waitUntil('the registry has the stream again', async () => {
      const text = await store.hget(key('streams'), 'live/cam').catch(() => null);
      return text?.includes(`"epoch":"${String(before)}"`);
    });
    // An origin that has just lost sight of the registry takes a rival provisionally, and sends it away when it is back.
    await waitUntil('a rival is refused', async () => {
      const rival = await ChaosEncoder.ask({ stream: 'live/cam', addresses: [cluster.origin(1).rtmp] });
      return rival.refusals.includes('NetStream.Publish.BadName');
    });
  };

  for (const name of keyNames) await store.multi().del(key(name)).set(key(name), 'mine').exec();
  await isMended();
  for (const name of keyNames) {
    expect([name, await store.get(key(`set-aside:${name}`))]).toEqual([name, 'mine']);
  }
  const saidOf = (message: string) => cluster.nodes.flatMap(({ node }) => linesOf(node, message));
  expect(new Set(saidOf('registry key held something else').map((line) => line['key']))).toEqual(
    new Set(keyNames.map(key)),
  );

  const junk = [
    'junk',
    '{}',
    '['.repeat(5_000),
    'x'.repeat(5_000_000),
    Buffer.from([0x93, 0x01, 0xff, 0x00]),
  ];
  for (const name of ['streams', 'nodes', 'beats', 'runs', 'jobs']) {
    for (const [index, text] of junk.entries()) {
      await store.hset(key(name), `live/junk${String(index)}`, text);
    }
  }
  await store.hset(key('streams'), 'live/cam', junk[3] ?? '');
  await store.hset(key('nodes'), 'origin-1', 'junk', 'edge-1', junk[4] ?? '', 'controller-1', '{"nodeId":7}');
  await store.hset(key('beats'), 'origin-2', 'junk', 'edge-1', '');
  await store.zadd(key('leases'), '+inf', 'live/junk0', -1e300, 'live/junk1', 1e300, 'nobody');
  await store.zadd(key('ended'), '+inf', 'live/next', 1e300, 'live/other');
  await store.zadd(key('owners'), 3, 'junk', 0, '8:origin-13:run/live/cam');
  await store.hset(key('leader'), 'token', 'junk', 'ends', '1e999', 'holder', '');
  await store.hset(key('clock'), 'fence', 'junk', 'floor', 'nan');
  await store.xadd(
    key('events'),
    '*',
    'life',
    'other',
    'seq',
    'NaN',
    'type',
    'stream_claimed',
    'record',
    junk[3] ?? '',
  );
  await isMended();
  const next = await ChaosEncoder.start({ stream: 'live/next', addresses: [cluster.edge(0).rtmp] });
  witnesses.push(...(await watchOn(cluster.edges, 'live/next')));

  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(await epoch()).toBe(before);
  for (const { sessions } of [encoder, next]) expect(sessions).toMatchObject([{ end: undefined }]);
  const ignored = saidOf('registry holds unreadable data');
  expect(ignored.length).toBeGreaterThan(0);
  expect(JSON.stringify(ignored).length).toBeLessThan(500_000);
});

it('a second process of a name does not start; one that was killed is followed at once; a frozen one yields and says why', async () => {
  const cluster = await ChaosCluster.start({
    origins: 2,
    edges: 1,
    set: { 'registry.lease': '10s' },
  });
  const [first, other] = [cluster.origin(0), cluster.origin(1)];
  const addresses = [first.rtmp, other.rtmp];
  const moved = await ChaosEncoder.start({ stream: 'live/moved', addresses });
  await ChaosEncoder.start({ stream: 'live/cam', addresses: [other.rtmp] });
  const movedWitnesses = await watchOn(cluster.edges, 'live/moved');
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const set: Record<string, string> = {
    bind: '127.0.0.1',
    'node.id': first.id,
    'registry.kind': 'redis',
    'registry.redis.url': `redis://127.0.0.1:${String(first.redis.port)}`,
    'registry.lease': '10s',
  };
  const args = Object.entries({ ...set, 'rtmp.port': '0', 'admin.port': '0', 'relay.port': '0' });
  const refused = await runHeadwater([
    'origin',
    ...args.flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ]);
  expect(refused.code).toBe(69);
  expect(refused.stderr).toContain(`the node id ${first.id} is in use`);
  expect(refused.stderr).toContain(first.node.ready.admin);
  expect(refused.stderr).toContain('HEADWATER_NODE_ID');
  await seeMore([...movedWitnesses, ...witnesses]);
  expect(faultsOf([...movedWitnesses, ...witnesses])).toEqual([]);

  // What does not answer is taken for dead, and turns out to live.
  first.freeze();
  const second = await startHeadwater({ role: 'origin', set });
  first.resume();
  // For a lease it takes the other one for what a failover of Redis has brought back of its own past.
  const line = await waitUntil(
    'the first one says so',
    () =>
      first.node
        .logs()
        .find(({ msg }) =>
          msg?.startsWith('another process runs as this node: one of them needs another node.id'),
        ),
    { timeoutMs: 25_000 },
  );
  expect(line).toMatchObject({ level: 'error', other: { admin: second.ready.admin } });
  expect((await fetch(first.node.adminUrl('/readyz'))).status).toBe(503);
  await seeSession(movedWitnesses, 1);
  expect(moved.sessions[1]?.address).toBe(other.rtmp);
  expect(faultsOf(movedWitnesses, [0, 1])).toEqual([]);

  // Its lease still runs; whoever comes after it does not wait.
  second.kill('SIGKILL');
  const third = await startHeadwater({ role: 'origin', set });
  const taken = await ChaosEncoder.start({ stream: 'live/third', addresses: [third.ready.rtmp ?? ''] });
  const thirdWitnesses = await watchOn(cluster.edges, 'live/third');
  await seeMore(witnesses);
  expect(faultsOf([...witnesses, ...thirdWitnesses])).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(taken.refusals).toEqual([]);
});
