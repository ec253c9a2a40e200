// An edge is cut off from a stream's owner while another edge is not: what its viewers see.
import { expect, it } from 'vitest';
import { ChaosCluster, type ChaosNode } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, framesPerSecond, seeMore, watchOn, type Witness } from '../support/chaos-witness.ts';
import { waitUntil } from '../support/wait-until.ts';

// Two seconds until a stall is noticed, and what a busy machine adds. A peer has the newest group of pictures only.
const mostMissing = 6 * framesPerSecond;

/** Whom the edge's newest pull came from. */
function upstreamOf(edge: ChaosNode): unknown {
  return edge.node
    .logs()
    .filter(({ msg, from }) => msg === 'pull opened' && from !== undefined)
    .at(-1)?.['from'];
}

async function untilPullFrom(edge: ChaosNode, kind: 'owner' | 'peer'): Promise<void> {
  await waitUntil(`${edge.id} pulls from its ${kind}`, () => upstreamOf(edge) === kind, {
    timeoutMs: 30_000,
  });
}

function missingOf(witnesses: readonly Witness[]): number[] {
  return witnesses.map(({ missing }) => missing);
}

it('an edge that cannot reach the owner pulls from a peer, and goes back without a loss when it can', async () => {
  const cluster = await ChaosCluster.start({ origins: 1, edges: 2 });
  const [peer, cutOff] = [cluster.edge(0), cluster.edge(1)];
  const relay = cluster.origin(0).relay;
  if (relay === undefined) throw new Error('an origin without a relay');
  await ChaosEncoder.start({ stream: 'live/cam', addresses: [cluster.origin(0).rtmp] });
  const others = await watchOn([peer], 'live/cam');
  const spared = relay.links;
  const witnesses = await watchOn([cutOff], 'live/cam');
  let missing = missingOf(witnesses);
  for (const fault of ['refuse', 'silent'] as const) {
    relay.set(fault, spared);
    await untilPullFrom(cutOff, 'peer');
    await seeMore(witnesses);
    const after = missingOf(witnesses);
    for (const [index, count] of after.entries()) {
      expect(count - (missing[index] ?? 0), fault).toBeLessThan(mostMissing);
    }
    missing = after;
    relay.set('pass');
    await untilPullFrom(cutOff, 'owner');
    await seeMore(witnesses);
    expect(missingOf(witnesses), fault).toEqual(missing);
  }
  expect(witnesses.map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
  expect(witnesses.flatMap(({ complaints }) => complaints)).toEqual([]);
  await seeMore(others);
  expect(faultsOf(others)).toEqual([]);
  expect((await cutOff.stream('live/cam'))?.owner).toBe('origin-1');
});
