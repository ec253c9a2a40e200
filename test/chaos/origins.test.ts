// An origin dies, stands still, is cut off from the registry, or leaves: what its publishers and their viewers see.
import { expect, it } from 'vitest';
import { ChaosCluster, leaseMs } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import {
  faultsOf,
  framesPerSecond,
  longestGapMs,
  seeMore,
  seeSession,
  watchOn,
} from '../support/chaos-witness.ts';
import { waitUntil } from '../support/wait-until.ts';

// Bounds of correctness on a busy machine, no measurements.
const slackMs = 3_000;
const gopMs = 1_000;
/** How long an origin may say nothing to an edge that forwards a publisher to it. */
const forwarderMs = 5_000;

it('a killed origin costs its publisher a reconnect, and its viewers nothing but time', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2 });
  const addresses = cluster.edges.map(({ rtmp }) => rtmp);
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const owner = await cluster.ownerOf('live/cam');
  owner.kill();
  await seeSession(witnesses, 1);
  expect(faultsOf(witnesses, [0, 1])).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(leaseMs + slackMs);
  expect(encoder.sessions).toHaveLength(2);
  expect(await cluster.ownerOf('live/cam')).not.toBe(owner);
});

it('a frozen origin that wakes up again yields, and nothing it still had gets to viewers', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2 });
  const addresses = [cluster.origin(0).rtmp, cluster.origin(1).rtmp];
  const streams = ['live/open', 'live/proven', 'live/forwarded'];
  // The first publisher of all, and of two origins without any the first gets it.
  const throughEdge = await ChaosEncoder.start({
    stream: 'live/forwarded?token=secret',
    addresses: [cluster.edge(1).rtmp],
  });
  expect(await cluster.ownerOf('live/forwarded')).toBe(cluster.origin(0));
  // Only who proves to be the publisher may take over before the frozen owner's lease has run out.
  const encoders = await Promise.all(
    ['live/open', 'live/proven?token=secret'].map(async (stream) =>
      ChaosEncoder.start({ stream, addresses }),
    ),
  );
  const [open, proven, forwarded] = await Promise.all(
    streams.map(async (stream) => watchOn(cluster.edges, stream)),
  );
  if (open === undefined || proven === undefined || forwarded === undefined) throw new Error('no witnesses');
  const all = [...open, ...proven, ...forwarded];
  cluster.origin(0).freeze();
  for (const encoder of encoders) encoder.abandonServer();
  await Promise.all([seeSession(open, 1), seeSession(proven, 1), seeSession(forwarded, 1)]);
  expect(longestGapMs(proven)).toBeLessThan(gopMs + slackMs);
  expect(longestGapMs(open)).toBeLessThan(leaseMs + gopMs + slackMs);
  // Its encoder knows of no origin: the edge in between notices, and closes the connection.
  expect(longestGapMs(forwarded)).toBeLessThan(forwarderMs + gopMs + slackMs);
  for (const witness of all) witness.mark();
  cluster.origin(0).resume();
  await waitUntil('the old owner has sent its publishers away', () =>
    [...encoders, throughEdge].every(({ sessions }) => sessions[0]?.end !== undefined),
  );
  await seeMore(all);
  for (const stream of streams) {
    expect(await cluster.origin(0).stream(stream)).toBeUndefined();
    expect(await cluster.ownerOf(stream)).toBe(cluster.origin(1));
  }
  expect(faultsOf(all, [0, 1])).toEqual([]);
  expect(longestGapMs(all)).toBeLessThan(slackMs);
});

it('a frozen origin that nobody took over from goes on where it stopped', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2 });
  const frozen = cluster.origin(0);
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [frozen.rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  frozen.freeze();
  // Whoever comes meanwhile is not kept waiting for it.
  const other = await ChaosEncoder.start({ stream: 'live/other', addresses: [cluster.edge(0).rtmp] });
  const others = await watchOn(cluster.edges, 'live/other');
  await waitUntil(
    'its lease has run out',
    async () => !(await cluster.edge(0).knownNodes()).includes(frozen.id),
  );
  frozen.resume();
  await seeMore([...witnesses, ...others]);
  expect(faultsOf([...witnesses, ...others])).toEqual([]);
  expect(other.sessions[0]?.waitedMs).toBeLessThan(leaseMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  await cluster.untilComplete();
  expect(await cluster.ownerOf('live/cam')).toBe(frozen);
});

it('an origin that cannot reach Redis goes on as if nothing were', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2, controllers: 1 });
  const [cutOff, edge, otherEdge] = [cluster.origin(0), cluster.edge(0), cluster.edge(1)];
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [cutOff.rtmp] });
  const witnesses = await watchOn([edge], 'live/cam');
  const before = await cutOff.stream('live/cam');
  await cluster.leader();
  cutOff.redis.set('silent');
  await waitUntil('its lease has run out', async () => !(await edge.knownNodes()).includes(cutOff.id));
  // New viewers come in, on an edge that has not heard of the stream, too; and what connections there are break.
  const latecomers = await watchOn(cluster.edges, 'live/cam');
  expect(cutOff.relay?.cut()).toBeGreaterThan(0);
  await seeMore([...witnesses, ...latecomers], (framesPerSecond * leaseMs) / 1_000);
  cutOff.redis.set('pass');
  await cluster.untilComplete();
  await seeMore([...witnesses, ...latecomers]);
  expect(faultsOf([...witnesses, ...latecomers])).toEqual([]);
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  const after = await cutOff.stream('live/cam');
  expect(after).toMatchObject({ epoch: before?.epoch, state: 'live', owner: cutOff.id });
  expect(await otherEdge.stream('live/cam')).toMatchObject({ epoch: before?.epoch, state: 'live' });
  expect(cluster.controllers.flatMap((controller) => controller.messages())).not.toContain('node is dead');
});

it('a drained origin asks those to move who can, and ends the others at its deadline', async () => {
  const drainMs = 6_000;
  const cluster = await ChaosCluster.start({
    origins: 2,
    edges: 2,
    set: { 'node.drainDeadline': `${String(drainMs)}ms` },
  });
  const addresses = cluster.origins.map(({ rtmp }) => rtmp);
  const able = await ChaosEncoder.start({ stream: 'live/able?token=secret', addresses, capsEx: 1 });
  // Nothing but the drain itself tells that this one is the same elsewhere.
  const nameless = await ChaosEncoder.start({ stream: 'live/nameless', addresses, capsEx: 1 });
  const old = await ChaosEncoder.start({ stream: 'live/old', addresses });
  const moved = await watchOn([cluster.edge(0)], 'live/able');
  const namelessViewers = await watchOn([cluster.edge(0)], 'live/nameless');
  const uninformed = await watchOn([cluster.edge(1)], 'live/able');
  const ended = await watchOn([cluster.edge(0)], 'live/old');
  // This edge hears late of everything: of the move only after the old session's goodbye.
  cluster.edge(1).redis.set('hold');
  const drainedAtMs = performance.now();
  const exited = cluster.origin(0).terminate();
  await seeSession([...moved, ...namelessViewers], 1);
  cluster.edge(1).redis.set('pass');
  await seeSession(uninformed, 1);
  for (const encoder of [able, nameless]) {
    expect(encoder.reconnectRequests).toBe(1);
    expect((encoder.sessions[1]?.startedAtMs ?? Infinity) - drainedAtMs).toBeLessThan(drainMs);
  }
  expect(longestGapMs([...moved, ...namelessViewers])).toBeLessThan(gopMs + slackMs);
  const late = await ChaosEncoder.start({ stream: 'live/late', addresses });
  expect(late.sessions.map(({ address }) => address)).toEqual([cluster.origin(1).rtmp]);
  expect(old.sessions).toMatchObject([{ end: undefined }]);
  const returned = await old.untilSession(1);
  expect(returned.startedAtMs - drainedAtMs).toBeGreaterThan(drainMs);
  await seeSession(ended, 1);
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(longestGapMs(ended)).toBeLessThan(gopMs + slackMs);
  expect(faultsOf([...moved, ...namelessViewers, ...uninformed, ...ended], [0, 1])).toEqual([]);
});
