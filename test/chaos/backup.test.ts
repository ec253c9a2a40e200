// Two encoders send one stream to two origins, and the first of them, or its origin, fails in every way: what viewers see.
import { expect, it } from 'vitest';
import { ChaosCluster, type ChaosNode } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, seeSession, watchOn, Witness } from '../support/chaos-witness.ts';
import { metricOf } from '../support/media-metrics.ts';
import { waitUntil } from '../support/wait-until.ts';

// What a switch may take, and what a busy machine adds.
const boundMs = 1_200 + 1_000;
const slackMs = 3_000;
/** The backup's frames are told from the primary's by the number of their session. */
const backupSession = 100;

interface Pair {
  readonly primary: ChaosEncoder;
  readonly backup: ChaosEncoder;
  readonly witnesses: Witness[];
}

/** The primary on the first origin, its backup on the second. */
async function publishTwice(cluster: ChaosCluster, name: string): Promise<Pair> {
  const stream = `live/${name}?token=secret&backup=1`;
  const [first, second] = [cluster.origin(0).rtmp, cluster.origin(1).rtmp];
  const primary = await ChaosEncoder.start({ stream, addresses: [first, second] });
  const backup = await ChaosEncoder.start({
    stream,
    addresses: [second, first],
    firstSession: backupSession,
  });
  const witnesses = await watchOn(cluster.edges, `live/${name}`);
  return { primary, backup, witnesses };
}

function noteGap(what: string, witnesses: readonly Witness[]): number {
  const gapMs = longestGapMs(witnesses);
  process.stdout.write(
    `backup switch, ${what}: ${gapMs.toFixed(0)} ms without picture (bound ${String(boundMs)} ms)\n`,
  );
  return gapMs;
}

async function untilBackupOf(origin: ChaosNode, backups: number): Promise<void> {
  await waitUntil(`${origin.id} has ${String(backups)} backups`, async () => {
    return (await metricOf(origin.node, 'headwater_origin_backups')) === backups;
  });
}

it('a killed origin costs viewers a moment, and its publisher comes back as the backup', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 1 });
  const { primary, backup, witnesses } = await publishTwice(cluster, 'cam');
  cluster.origin(0).kill();
  await seeSession(witnesses, backupSession);
  expect(noteGap('origin killed', witnesses)).toBeLessThan(boundMs + slackMs);
  await primary.untilSession(1);
  await untilBackupOf(cluster.origin(1), 1);
  await seeMore(witnesses);
  expect(faultsOf(witnesses, [0, backupSession])).toEqual([]);
  expect(backup.sessions).toMatchObject([{ end: undefined }]);
});

it('a frozen origin is taken over from within a moment, and yields when it wakes up', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 1 });
  const { primary, backup, witnesses } = await publishTwice(cluster, 'cam');
  cluster.origin(0).freeze();
  await seeSession(witnesses, backupSession);
  expect(noteGap('origin frozen', witnesses)).toBeLessThan(boundMs + slackMs);
  cluster.origin(0).resume();
  const returned = await primary.untilSession(1);
  expect(primary.sessions[0]?.end).toBe('NetStream.Publish.BadName');
  await untilBackupOf(returned.address === cluster.origin(0).rtmp ? cluster.origin(0) : cluster.origin(1), 1);
  await seeMore(witnesses);
  expect(faultsOf(witnesses, [0, backupSession])).toEqual([]);
  expect(backup.sessions).toMatchObject([{ end: undefined }]);
  expect(await cluster.ownerOf('live/cam')).toBe(cluster.origin(1));
});

it('an encoder that ends or breaks off leaves its stream to the backup, and both together end it', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 1 });
  const stopped = await publishTwice(cluster, 'stopped');
  const broken = await publishTwice(cluster, 'broken');
  stopped.primary.stop();
  broken.primary.vanish();
  await Promise.all([stopped, broken].map(async ({ witnesses }) => seeSession(witnesses, backupSession)));
  expect(noteGap('encoder stopped', stopped.witnesses)).toBeLessThan(boundMs + slackMs);
  expect(noteGap('encoder broken off', broken.witnesses)).toBeLessThan(boundMs + slackMs);
  const witnesses = [...stopped.witnesses, ...broken.witnesses];
  expect(faultsOf(witnesses, [0, backupSession])).toEqual([]);
  stopped.backup.stop();
  await waitUntil('the stream ends for its viewers', () =>
    stopped.witnesses.every(({ end }) => end !== undefined),
  );
  expect(stopped.witnesses.flatMap(({ complaints }) => complaints)).toEqual([]);
});

it('edges go on at the standby when the owner dies; one that dies itself is replaced', async () => {
  const cluster = await ChaosCluster.start({ origins: 3, edges: 2, controllers: 1 });
  const owner = cluster.origin(0);
  await ChaosEncoder.start({ stream: 'live/cam?token=secret', addresses: [owner.rtmp] });
  const witnesses = await watchOn([cluster.edge(0)], 'live/cam');
  const first = await untilFollowed(cluster, undefined);
  first.kill();
  const standby = await untilFollowed(cluster, first);
  await seeMore(witnesses);
  owner.kill();
  await waitUntil('the edge goes on at the standby', () =>
    cluster
      .edge(0)
      .node.logs()
      .some(({ msg, resumed, from }) => msg === 'pull opened' && resumed === true && from === 'standby'),
  );
  // Nobody publishes, and who comes now still gets the picture that was there last.
  const latecomers = Witness.watchAll(cluster.edge(1).node, 'live/cam');
  await waitUntil('latecomers get what the standby has', () => latecomers.every(({ frames }) => frames > 0));
  await ChaosEncoder.start({
    stream: 'live/cam?token=secret',
    addresses: [standby.rtmp],
    firstSession: 1,
  });
  await seeSession([...witnesses, ...latecomers], 1);
  expect(faultsOf([...witnesses, ...latecomers], [0, 1])).toEqual([]);
});

/** Resolves with the origin that follows the stream, once another than that one does. */
async function untilFollowed(cluster: ChaosCluster, former: ChaosNode | undefined): Promise<ChaosNode> {
  return waitUntil(
    'the stream has a standby, and that has frames',
    async () => {
      const standby = (await cluster.origin(0).stream('live/cam'))?.standby;
      const node = cluster.origins.find(({ id }) => id === standby);
      if (node === undefined || node === former) return false;
      const followed = await node.stream('live/cam');
      return (followed?.framesIn ?? 0) > 0 && followed?.state === 'live' && node;
    },
    { timeoutMs: 20_000 },
  );
}
