// An edge dies or leaves: what its viewers see, and that nobody else sees anything.
import { expect, it } from 'vitest';
import { ChaosCluster } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import { faultsOf, longestGapMs, seeMore, seeSession, Witness, watchOn } from '../support/chaos-witness.ts';
import { outputs } from '../support/media-viewers.ts';
import { waitUntil } from '../support/wait-until.ts';

const slackMs = 3_000;

it('a killed edge takes its own viewers with it, and nobody else', async () => {
  const cluster = await ChaosCluster.start({ origins: 1, edges: 2 });
  const [killed, other] = [cluster.edge(0), cluster.edge(1)];
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [cluster.origin(0).rtmp] });
  const forwarded = await ChaosEncoder.start({
    stream: 'live/forwarded',
    addresses: [killed.rtmp, other.rtmp],
  });
  await watchOn([killed], 'live/cam');
  const others = await watchOn([other], 'live/cam');
  const forwardedViewers = await watchOn([other], 'live/forwarded');
  killed.kill();
  // Those who lost their edge find the stream on another one.
  const returned = await watchOn([other], 'live/cam');
  await waitUntil(
    'the registry has forgotten it',
    async () => !(await other.knownNodes()).includes(killed.id),
  );
  await seeSession(forwardedViewers, 1);
  await seeMore(others);
  expect(faultsOf([...others, ...returned])).toEqual([]);
  expect(faultsOf(forwardedViewers, [0, 1])).toEqual([]);
  expect(longestGapMs(others)).toBeLessThan(slackMs);
  expect(longestGapMs(forwardedViewers)).toBeLessThan(slackMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  expect(forwarded.sessions).toHaveLength(2);
});

it('a drained edge takes nobody new, asks publishers to move, and ends its viewers cleanly at its deadline', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2, set: { 'node.drainDeadline': '3s' } });
  const [drained, other] = [cluster.edge(0), cluster.edge(1)];
  const addresses = [drained.rtmp, other.rtmp];
  const able = await ChaosEncoder.start({ stream: 'live/able?token=secret', addresses, capsEx: 1 });
  const nameless = await ChaosEncoder.start({ stream: 'live/nameless', addresses, capsEx: 1 });
  const moved = [...(await watchOn([other], 'live/able')), ...(await watchOn([other], 'live/nameless'))];
  await ChaosEncoder.start({ stream: 'live/cam', addresses: [cluster.origin(0).rtmp] });
  const witnesses = await watchOn([drained], 'live/cam');
  const others = await watchOn([other], 'live/cam');
  const exited = drained.terminate();
  await waitUntil(
    'the others know that it drains',
    async () => (await other.nodeView(drained.id))?.isDraining,
  );
  await seeSession(moved, 1);
  for (const encoder of [able, nameless]) expect(encoder.reconnectRequests).toBe(1);
  const refused = outputs.map((output) => Witness.watch(drained.node, output, 'live/cam'));
  await waitUntil('new viewers are turned away', () => refused.every(({ end }) => end !== undefined));
  expect(refused.map(({ frames }) => frames)).toEqual([0, 0, 0]);
  expect(witnesses.map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
  await waitUntil('its viewers are ended', () => witnesses.every(({ end }) => end !== undefined));
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(witnesses.map(({ end }) => end)).toEqual(['NetStream.Play.UnpublishNotify', 'end', 'close 1001']);
  expect(witnesses.flatMap(({ complaints }) => complaints)).toEqual([]);
  await seeMore(others);
  expect(faultsOf(others)).toEqual([]);
  expect(faultsOf(moved, [0, 1])).toEqual([]);
  expect(longestGapMs([...others, ...moved])).toBeLessThan(slackMs);
  expect(witnesses.map(({ missing }) => missing)).toEqual([0, 0, 0]);
  expect(await other.knownNodes()).not.toContain(drained.id);
});
