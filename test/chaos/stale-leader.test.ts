// A leader that stands still in the middle of a write: by the time the write arrives, somebody else leads.
import { expect, it } from 'vitest';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, seeSession, Witness } from '../support/chaos-witness.ts';
import { defer } from '../support/cleanup.ts';
import { type HeadwaterOptions, type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { metricOf } from '../support/media-metrics.ts';
import { RedisAnswerProxy } from '../support/redis-answer-proxy.ts';
import { startRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;

it('a write of a leader that was frozen until another one led is refused, and media knows nothing of it', async () => {
  const redis = await startRedis();
  const start = async (
    role: HeadwaterOptions['role'],
    id: string,
    port = redis.port,
  ): Promise<RunningHeadwater> => {
    const url = `redis://127.0.0.1:${String(port)}`;
    const registry = { 'registry.kind': 'redis', 'registry.redis.url': url, 'registry.lease': '4s' };
    return startHeadwater({
      role: role ?? 'all',
      set: { 'node.id': id, ...registry, 'registry.heartbeat': '500ms' },
    });
  };
  const ways = [await RedisAnswerProxy.start(redis.port), await RedisAnswerProxy.start(redis.port)] as const;
  const [origin, doomed, edge, ...controllers] = await Promise.all([
    start('origin', 'origin-1'),
    start('origin', 'origin-2'),
    start('edge', 'edge-1'),
    start('controller', 'controller-1', ways[0].port),
    start('controller', 'controller-2', ways[1].port),
  ]);
  const [kept, lost] = [origin.ready.rtmp ?? '', doomed.ready.rtmp ?? ''];
  const steady = await ChaosEncoder.start({ stream: 'live/steady', addresses: [kept] });
  await ChaosEncoder.start({ stream: 'live/moved', addresses: [lost, kept] });
  const witnesses = Witness.watchAll(edge, 'live/steady');
  const moved = Witness.watchAll(edge, 'live/moved');
  await seeMore([...witnesses, ...moved]);
  for (const witness of witnesses) witness.mark();

  const isLeading = async (node: RunningHeadwater): Promise<boolean> =>
    (await metricOf(node, 'headwater_controller_leading')) === 1 &&
    (await metricOf(node, 'headwater_controller_blind')) === 0;
  // Who leads, and acts: its fence is up, and it has seen a full lease.
  const first = await waitUntil(
    'a controller leads and judges',
    async () => {
      for (const [index, node] of controllers.entries()) if (await isLeading(node)) return { index, node };
      return undefined;
    },
    { timeoutMs: 20_000 },
  );
  const second = controllers[1 - first.index];
  const way = ways[first.index];
  if (second === undefined || way === undefined) throw new Error('there are two controllers');

  const store = redis.client();
  const fence = async (): Promise<number> => Number(await store.hget('{headwater}:clock', 'fence'));
  const token = await fence();
  const held = way.holdFrom('\r\norigin-2\r\n');
  doomed.kill('SIGKILL');
  await held;
  first.node.kill('SIGSTOP');
  defer(() => first.node.kill('SIGCONT'));
  await waitUntil(
    'the other one leads and judges',
    async () => (await isLeading(second)) && (await fence()) > token,
    {
      timeoutMs: 20_000,
    },
  );
  const answers = way.release();
  await waitUntil('Redis refuses it, as a later leadership has written', () =>
    answers().includes('\r\n:-4\r\n'),
  );
  first.node.kill('SIGCONT');
  await waitUntil('it has noticed', async () => !(await isLeading(first.node)));

  await seeSession(moved, 1);
  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(faultsOf(moved, [0, 1])).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(steady.sessions).toMatchObject([{ end: undefined }]);
  expect(await isLeading(second)).toBe(true);
  expect(await metricOf(first.node, 'headwater_controller_leading')).toBe(0);
});
