// The way of a stream breaks, between origin and edge or before the origin: what viewers see.
import { beforeAll, expect, it } from 'vitest';
import { ChaosCluster } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, watchOn } from '../support/chaos-witness.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;
const holdMs = 3_000;
// Longer than a group of pictures: whoever starts afresh at a keyframe has lost frames.
const outageMs = 2_500;
let cluster: ChaosCluster;

beforeAll(async () => {
  cluster = await ChaosCluster.start({
    origins: 1,
    edges: 2,
    set: { hold: `${String(holdMs)}ms`, 'relay.keepalive': '1s', 'relay.keepaliveTimeout': '500ms' },
  });
});

it('a relay connection that is cut, again and again, loses nothing and repeats nothing', async () => {
  const encoder = await ChaosEncoder.start({ stream: 'live/cut', addresses: [cluster.origin(0).rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/cut');
  for (let cuts = 0; cuts < 4; cuts++) {
    expect(cluster.origin(0).relay?.cut()).toBeGreaterThan(0);
    await seeMore(witnesses);
  }
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
});

it('a relay connection that falls silent is left for a new one, which loses nothing and repeats nothing', async () => {
  await ChaosEncoder.start({ stream: 'live/silent', addresses: [cluster.origin(0).rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/silent');
  const { relay } = cluster.origin(0);
  relay?.set('silent');
  await waitUntil('viewers wait', () => witnesses.every(({ sinceVideoMs }) => sinceVideoMs > outageMs));
  relay?.set('pass');
  await seeMore(witnesses);
  // Delayed, not lost.
  relay?.set('hold');
  await waitUntil('viewers wait again', () => witnesses.every(({ sinceVideoMs }) => sinceVideoMs > outageMs));
  relay?.set('pass');
  await seeMore(witnesses);
  expect(faultsOf(witnesses)).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(outageMs + slackMs);
});

it('an edge that stood still for longer than its owner may say nothing loses nothing, and disturbs nobody', async () => {
  await ChaosEncoder.start({ stream: 'live/still', addresses: [cluster.origin(0).rtmp] });
  const [still, other] = [cluster.edge(0), cluster.edge(1)];
  const [witnesses, others] = [await watchOn([still], 'live/still'), await watchOn([other], 'live/still')];
  still.freeze();
  await waitUntil('viewers wait', () => witnesses.every(({ sinceVideoMs }) => sinceVideoMs > outageMs));
  still.resume();
  await seeMore([...witnesses, ...others]);
  expect(faultsOf([...witnesses, ...others])).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(outageMs + slackMs);
  expect(longestGapMs(others)).toBeLessThan(slackMs);
});

it('viewers of a publisher that is gone are held, and then ended cleanly', async () => {
  const encoder = await ChaosEncoder.start({ stream: 'live/gone', addresses: [cluster.origin(0).rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/gone');
  const goneAtMs = performance.now();
  encoder.vanish();
  await waitUntil('all streams have ended', () => witnesses.every(({ end }) => end !== undefined));
  expect(performance.now() - goneAtMs).toBeGreaterThan(holdMs);
  expect(witnesses.map(({ end }) => end)).toEqual(
    cluster.edges.flatMap(() => ['NetStream.Play.UnpublishNotify', 'end', 'close 1000']),
  );
  expect(witnesses.flatMap(({ complaints }) => complaints)).toEqual([]);
  for (const { missing } of witnesses) expect(missing).toBe(0);
  for (const node of cluster.nodes) {
    await waitUntil(
      `${node.id} has no such stream`,
      async () => (await node.stream('live/gone')) === undefined,
    );
  }
});
