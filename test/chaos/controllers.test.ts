// A controller dies, or stands still and comes back as a second leader: media goes on, and somebody is always in charge.
import { expect, it } from 'vitest';
import { ChaosCluster } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, seeSession, watchOn } from '../support/chaos-witness.ts';
import { metricOf } from '../support/media-metrics.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;

it('a killed leader is replaced within a lease, and the next one lets publishers return before the lease of a killed origin ends', async () => {
  const leaseMs = 6_000;
  const cluster = await ChaosCluster.start({
    origins: 2,
    edges: 1,
    controllers: 2,
    set: { 'registry.lease': `${String(leaseMs)}ms` },
  });
  const addresses = cluster.origins.map(({ rtmp }) => rtmp);
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const first = await cluster.leader();
  const killedAtMs = performance.now();
  first.kill();
  const others = cluster.controllers.filter((controller) => controller !== first);
  const second = await cluster.leader(others);
  expect(performance.now() - killedAtMs).toBeLessThan(leaseMs + slackMs);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  await waitUntil('it judges', async () => (await metricOf(second.node, 'headwater_controller_blind')) === 0);
  const failovers = async (): Promise<number> =>
    metricOf(second.node, 'headwater_controller_failover_seconds_count');
  const before = await failovers();
  cluster.origin(0).kill();
  await seeSession(witnesses, 1);
  expect(encoder.sessions[1]?.waitedMs).toBeLessThan(leaseMs - 1_000);
  expect(faultsOf(witnesses, [0, 1])).toEqual([]);
  expect(second.messages()).toContain('node is dead');
  await waitUntil('the failover is measured', async () => (await failovers()) === before + 1);
  const gaps = cluster.edges.map(async ({ node }) =>
    metricOf(node, 'headwater_edge_epoch_gap_seconds_count', { outcome: 'failed_over' }),
  );
  expect(await Promise.all(gaps)).toEqual([1]);
});

it('a leader that stood still finds another one in charge, and nobody else finds anything', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 1, controllers: 2 });
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [cluster.origin(0).rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const first = await cluster.leader();
  const others = cluster.controllers.filter((controller) => controller !== first);
  first.freeze();
  const second = await cluster.leader(others);
  first.resume();
  await waitUntil(
    'it has noticed',
    async () => (await metricOf(first.node, 'headwater_controller_leading')) === 0,
  );
  await cluster.untilComplete();
  await seeMore(witnesses);
  expect(await cluster.leader()).toBe(second);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  const verdicts = cluster.controllers
    .flatMap(({ node }) => node.logs())
    .filter(({ msg }) => msg === 'node is dead');
  expect(verdicts.filter(({ node }) => node !== first.id)).toEqual([]);
  expect(await cluster.ownerOf('live/cam')).toBe(cluster.origin(0));
});
