// Redis goes away, comes back without its memory, or takes its time: media goes on, and the registry heals.
import { beforeEach, expect, it } from 'vitest';
import { ChaosCluster } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import {
  faultsOf,
  framesPerSecond,
  longestGapMs,
  seeMore,
  Witness,
  watchOn,
} from '../support/chaos-witness.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;
let cluster: ChaosCluster;

beforeEach(async () => {
  cluster = await ChaosCluster.start({ origins: 2, edges: 2, set: { 'viewer.waitForStream': '40s' } });
});

/** Begins two streams, one on each origin, and watches them everywhere. */
async function publishAndWatch(streams: readonly [string, string]) {
  const encoders = await Promise.all(
    streams.map(async (stream, index) =>
      ChaosEncoder.start({ stream, addresses: [cluster.origin(index).rtmp] }),
    ),
  );
  const witnesses = await Promise.all(streams.map(async (stream) => watchOn(cluster.edges, stream)));
  return { encoders, witnesses: witnesses.flat() };
}

function expectNothingNoticed(encoders: readonly ChaosEncoder[], witnesses: readonly Witness[]): void {
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  for (const { sessions } of encoders) expect(sessions).toMatchObject([{ end: undefined }]);
}

it('a Redis that is restarted empty is noticed by nobody, and knows everything again', async () => {
  const streams = ['live/a', 'live/b'] as const;
  const { encoders, witnesses } = await publishAndWatch(streams);
  const epochs = async (): Promise<unknown> =>
    Promise.all(streams.map(async (stream, index) => (await cluster.origin(index).stream(stream))?.epoch));
  const before = await epochs();
  cluster.stopRedis();
  await seeMore(witnesses, 3 * framesPerSecond);
  const latecomers = await watchOn(cluster.edges, 'live/a');
  await cluster.restartRedis();
  await cluster.untilComplete();
  await seeMore([...witnesses, ...latecomers], 2 * framesPerSecond);
  expectNothingNoticed(encoders, [...witnesses, ...latecomers]);
  expect(await epochs()).toEqual(before);
  // The registry has its streams again, and takes new ones.
  const rival = await ChaosEncoder.ask({ stream: 'live/a', addresses: [cluster.origin(1).rtmp] });
  expect(rival.refusals).toEqual(['NetStream.Publish.BadName']);
  const next = await ChaosEncoder.start({ stream: 'live/next', addresses: [cluster.edge(0).rtmp] });
  const nextViewers = await watchOn(cluster.edges, 'live/next');
  expect(faultsOf(nextViewers)).toEqual([]);
  expect(next.refusals).toEqual([]);
});

it('a Redis that answers nobody for 5 s does not touch media', async () => {
  const { encoders, witnesses } = await publishAndWatch(['live/c', 'live/d']);
  for (const witness of witnesses) witness.mark();
  const asleep = cluster.redisSleeps(5);
  await seeMore(witnesses, 2 * framesPerSecond);
  const latecomers = await watchOn(cluster.edges, 'live/c');
  await asleep;
  await cluster.untilComplete();
  await seeMore(witnesses);
  expectNothingNoticed(encoders, [...witnesses, ...latecomers]);
});

it('streams that begin while Redis is away are found when it is back; of two with one key one remains', async () => {
  const { encoders, witnesses } = await publishAndWatch(['live/e', 'live/f']);
  const origins = cluster.origins.map(({ rtmp }) => rtmp);
  cluster.stopRedis();
  const direct = await ChaosEncoder.start({ stream: 'live/direct', addresses: [origins[0] ?? ''] });
  const forwarded = await ChaosEncoder.start({ stream: 'live/forwarded', addresses: [cluster.edge(0).rtmp] });
  // One key, two parties; and a stranger who wants what the other origin has.
  const rivals = await Promise.all(
    origins.map(async (address) => ChaosEncoder.ask({ stream: 'live/rival', addresses: [address] })),
  );
  const stranger = await ChaosEncoder.ask({ stream: 'live/e', addresses: [origins[1] ?? ''] });
  for (const { refusals } of [direct, forwarded, ...rivals, stranger]) expect(refusals).toEqual([]);
  // Nobody can find the new streams yet: viewers wait for them, and those of known streams notice nothing.
  const early = cluster.edges.flatMap(({ node }) => Witness.watchAll(node, 'live/direct'));
  await seeMore(witnesses, 2 * framesPerSecond);
  expect(early.map(({ frames }) => frames)).toEqual(early.map(() => 0));

  await cluster.restartRedis();
  await seeMore(early);
  const late = await watchOn(cluster.edges, 'live/forwarded');
  await waitUntil('one of two rivals is sent away', () => rivals.some(hasEnded), { timeoutMs: 20_000 });
  for (const rival of rivals) if (hasEnded(rival)) rival.vanish();
  const rivalViewers = await watchOn(cluster.edges, 'live/rival');
  await waitUntil('the stranger is refused', () => hasEnded(stranger), { timeoutMs: 20_000 });
  stranger.vanish();
  await seeMore(witnesses);
  expect(faultsOf([...early, ...late, ...rivalViewers])).toEqual([]);
  expect([direct, forwarded, ...rivals].filter(hasEnded)).toHaveLength(1);
  expectNothingNoticed(encoders, witnesses);
});

function hasEnded({ sessions }: ChaosEncoder): boolean {
  return sessions.some(({ end }) => end !== undefined);
}
