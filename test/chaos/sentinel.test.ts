// Redis under Sentinel loses its master, and with it what the replica had not heard of: nobody notices, and epochs go on rising.
import { expect, it } from 'vitest';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, Witness } from '../support/chaos-witness.ts';
import { type HeadwaterOptions, type RunningHeadwater, startHeadwater } from '../support/headwater.ts';
import { startSentinels } from '../support/redis-sentinel.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;
const streamsKey = '{headwater}:streams';

const epochIn = (record: string | null | undefined): number =>
  record === null || record === undefined ? 0 : Number((JSON.parse(record) as { epoch: string }).epoch);

it('a failover that loses the last writes: streams go on, the registry is rebuilt, no epoch goes back', async () => {
  const running = await startSentinels();
  const [master, replica] = running.servers;
  const sentinels = running.sentinels.map(({ host, port }) => `${host}:${String(port)}`).join(',');
  const start = async (role: HeadwaterOptions['role'], id: string): Promise<RunningHeadwater> => {
    const set = { 'node.id': id, 'registry.kind': 'redis', 'registry.redis.sentinels': sentinels };
    const times = { 'registry.lease': '4s', 'registry.heartbeat': '500ms' };
    return startHeadwater({
      role: role ?? 'all',
      set: { ...set, ...times, 'registry.redis.master': running.master },
    });
  };
  const nodes = await Promise.all([
    start('origin', 'origin-1'),
    start('origin', 'origin-2'),
    start('edge', 'edge-1'),
    start('controller', 'controller-1'),
  ]);
  const [one, two, edge] = nodes;
  const publish = async (stream: string, node: RunningHeadwater): Promise<ChaosEncoder> =>
    ChaosEncoder.start({ stream, addresses: [node.ready.rtmp ?? ''] });
  const [storedBefore, storedAfter] = [master.client(), replica.client()];
  const encoders = [await publish('live/kept', one)];
  const witnesses = Witness.watchAll(edge, 'live/kept');
  await waitUntil(
    'the replica has it',
    async () => (await storedAfter.hget(streamsKey, 'live/kept')) !== null,
  );
  const kept = epochIn(await storedBefore.hget(streamsKey, 'live/kept'));

  // The replica hears no more: what is claimed now is lost with the master.
  await storedAfter.replicaof('127.0.0.1', 1);
  encoders.push(await publish('live/lost', two));
  witnesses.push(...Witness.watchAll(edge, 'live/lost'));
  const again = await publish('live/again', one);
  again.stop();
  encoders.push(await publish('live/again', two));
  witnesses.push(...Witness.watchAll(edge, 'live/again'));
  await seeMore(witnesses);
  for (const witness of witnesses) witness.mark();
  const lost = epochIn(await storedBefore.hget(streamsKey, 'live/lost'));
  const moved = epochIn(await storedBefore.hget(streamsKey, 'live/again'));
  expect(await storedAfter.hkeys(streamsKey)).toEqual(['live/kept']);

  master.kill('SIGKILL');
  await waitUntil('the replica is the master', async () => (await running.masterPort()) === replica.port, {
    timeoutMs: 30_000,
  });
  await waitUntil(
    'the nodes have told it everything again',
    async () => {
      const now = await storedAfter.hmget(streamsKey, 'live/kept', 'live/lost', 'live/again');
      return now.map(epochIn).join() === [kept, lost, moved].join();
    },
    { timeoutMs: 30_000 },
  );
  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  for (const { sessions } of encoders) expect(sessions).toMatchObject([{ end: undefined }]);
  for (const node of nodes) {
    expect(node.logs().filter(({ msg }) => msg === 'redis cannot be used').length).toBeLessThan(5);
  }
  // Whoever publishes next is above what was lost.
  for (const encoder of encoders) encoder.stop();
  await publish('live/lost', one);
  const next = await waitUntil('it is recorded', async () => {
    const record = await storedAfter.hget(streamsKey, 'live/lost');
    return record?.includes('"origin-1"') === true && epochIn(record);
  });
  expect(next).toBeGreaterThan(lost);
});
