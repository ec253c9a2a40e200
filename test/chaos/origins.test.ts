// An origin dies, stands still, is cut off from the registry, or leaves: what its publishers and their viewers see.
import { expect, it } from 'vitest';
import { ChaosCluster, leaseMs } from '../support/chaos-cluster.ts';
import { ChaosEncoder } from '../support/chaos-encoder.ts';
import {
  complaintsOf,
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

it('a killed origin costs its publisher a reconnect, and its viewers nothing but time', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2 });
  const addresses = cluster.edges.map(({ rtmp }) => rtmp);
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const owner = await cluster.ownerOf('live/cam');
  owner.kill();
  await seeSession(witnesses, 1);
  expect(complaintsOf(witnesses)).toEqual([]);
  expect(witnesses.map(({ missing }) => missing)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(longestGapMs(witnesses)).toBeLessThan(leaseMs + slackMs);
  expect(encoder.sessions).toHaveLength(2);
  expect(await cluster.ownerOf('live/cam')).not.toBe(owner);
});

it('a frozen origin that wakes up again yields, and nothing it still had gets to viewers', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2 });
  const addresses = [cluster.origin(0).rtmp, cluster.origin(1).rtmp];
  const streams = ['live/open', 'live/proven'];
  // Only who proves to be the publisher may take over before the frozen owner's lease has run out.
  const encoders = await Promise.all(
    ['live/open', 'live/proven?token=secret'].map(async (stream) =>
      ChaosEncoder.start({ stream, addresses }),
    ),
  );
  const [open, proven] = await Promise.all(streams.map(async (stream) => watchOn(cluster.edges, stream)));
  if (open === undefined || proven === undefined) throw new Error('no witnesses');
  cluster.origin(0).freeze();
  for (const encoder of encoders) encoder.abandonServer();
  await Promise.all([seeSession(open, 1), seeSession(proven, 1)]);
  expect(longestGapMs(proven)).toBeLessThan(gopMs + slackMs);
  expect(longestGapMs(open)).toBeLessThan(leaseMs + gopMs + slackMs);
  for (const witness of [...open, ...proven]) witness.mark();
  cluster.origin(0).resume();
  await waitUntil('the old owner has sent its publishers away', () =>
    encoders.every(({ sessions }) => sessions[0]?.end !== undefined),
  );
  await seeMore([...open, ...proven]);
  for (const stream of streams) {
    expect(await cluster.origin(0).stream(stream)).toBeUndefined();
    expect(await cluster.ownerOf(stream)).toBe(cluster.origin(1));
  }
  expect(complaintsOf([...open, ...proven])).toEqual([]);
  expect(longestGapMs([...open, ...proven])).toBeLessThan(slackMs);
  for (const { missing, sessions } of [...open, ...proven]) {
    expect({ missing, sessions }).toEqual({ missing: 0, sessions: [0, 1] });
  }
});

it('an origin that cannot reach Redis goes on as if nothing were', async () => {
  const cluster = await ChaosCluster.start({ origins: 2, edges: 2 });
  const [cutOff, edge] = [cluster.origin(0), cluster.edge(0)];
  const encoder = await ChaosEncoder.start({ stream: 'live/cam', addresses: [cutOff.rtmp] });
  const witnesses = await watchOn(cluster.edges, 'live/cam');
  const before = await cutOff.stream('live/cam');
  cutOff.redis.set('silent');
  await waitUntil('its lease has run out', async () => !(await edge.knownNodes()).includes(cutOff.id));
  // As long again, and new viewers come in.
  const latecomers = await watchOn([edge], 'live/cam');
  await seeMore(witnesses, (framesPerSecond * leaseMs) / 1_000);
  cutOff.redis.set('pass');
  await cluster.untilComplete();
  await seeMore(witnesses);
  const all = [...witnesses, ...latecomers];
  expect(complaintsOf(all)).toEqual([]);
  for (const { missing, sessions } of all) {
    expect({ missing, sessions }).toEqual({ missing: 0, sessions: [0] });
  }
  expect(longestGapMs(witnesses)).toBeLessThan(slackMs);
  expect(encoder.sessions).toMatchObject([{ end: undefined }]);
  const after = await cutOff.stream('live/cam');
  expect(after).toMatchObject({ epoch: before?.epoch, state: 'live', owner: cutOff.id });
});

it('a drained origin asks those to move who can, and ends the others at its deadline', async () => {
  const drainMs = 4_000;
  const cluster = await ChaosCluster.start({
    origins: 2,
    edges: 1,
    set: { 'node.drainDeadline': `${String(drainMs)}ms` },
  });
  const addresses = cluster.origins.map(({ rtmp }) => rtmp);
  const able = await ChaosEncoder.start({ stream: 'live/able?token=secret', addresses, capsEx: 1 });
  const old = await ChaosEncoder.start({ stream: 'live/old', addresses });
  const moved = await watchOn(cluster.edges, 'live/able');
  const ended = await watchOn(cluster.edges, 'live/old');
  const drainedAtMs = performance.now();
  const exited = cluster.origin(0).terminate();
  await seeSession(moved, 1);
  expect(able.reconnectRequests).toBe(1);
  expect(longestGapMs(moved)).toBeLessThan(gopMs + slackMs);
  const late = await ChaosEncoder.start({ stream: 'live/late', addresses });
  expect(late.sessions.map(({ address }) => address)).toEqual([cluster.origin(1).rtmp]);
  expect(old.sessions).toMatchObject([{ end: undefined }]);
  const returned = await old.untilSession(1);
  expect(returned.startedAtMs - drainedAtMs).toBeGreaterThan(drainMs);
  await seeSession(ended, 1);
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(complaintsOf([...moved, ...ended])).toEqual([]);
  expect(longestGapMs(ended)).toBeLessThan(gopMs + slackMs);
  for (const { sessions } of [...moved, ...ended]) expect(sessions).toEqual([0, 1]);
});
