// The edges of a region have a stream through one of them. It is killed: what viewers of the others see, and what the origin sends.
import { expect, it } from 'vitest';
import { ChaosCluster, type ChaosNode } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, watchOn } from '../support/chaos-witness.ts';
import { metricOf } from '../support/media-metrics.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;

/** Whom the edge's newest pull came from. */
function upstreamOf(edge: ChaosNode): unknown {
  return edge.node
    .logs()
    .filter(({ msg, from }) => msg === 'pull opened' && from !== undefined)
    .at(-1)?.['from'];
}

async function pullsOf(origin: ChaosNode): Promise<number> {
  return metricOf(origin.node, 'headwater_relay_pulls');
}

it('a region takes a stream from its origin once; when its shield is killed the others go on without a loss', async () => {
  const cluster = await ChaosCluster.start({
    origins: 1,
    edges: 3,
    setOf: { origin: { 'node.region': 'east' }, edge: { 'node.region': 'west' } },
  });
  const origin = cluster.origin(0);
  await ChaosEncoder.start({ stream: 'live/cam', addresses: [origin.rtmp] });
  for (const edge of cluster.edges) await watchOn([edge], 'live/cam');
  expect(await pullsOf(origin)).toBe(1);
  const [shield, ...more] = cluster.edges.filter((edge) => upstreamOf(edge) === 'owner');
  if (shield === undefined) throw new Error('nobody pulls from the owner');
  expect(more).toEqual([]);
  const others = cluster.edges.filter((edge) => edge !== shield);
  expect(others.map(upstreamOf)).toEqual(['shield', 'shield']);
  expect(await metricOf(shield.node, 'headwater_edge_shield_pulls_total', { result: 'served' })).toBe(2);

  const witnesses = await watchOn(others, 'live/cam');
  shield.kill();
  await waitUntil('another one is the shield', () => others.some((edge) => upstreamOf(edge) === 'owner'));
  await waitUntil('the origin sends to it', async () => (await pullsOf(origin)) === 1);
  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  // Whoever asked the new one before it had the stream itself went to the origin, and comes back after 5 to 10 s.
  await waitUntil(
    'the region takes the stream once again',
    async () => others.some((edge) => upstreamOf(edge) === 'shield') && (await pullsOf(origin)) === 1,
    { timeoutMs: 30_000 },
  );
  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
});
