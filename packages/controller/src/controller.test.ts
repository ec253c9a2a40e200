import { silentMetrics, streamKey, type MetricLabels, type Metrics } from '@headwater/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  SimulatedCluster,
  type SimulatedController,
  type SimulatedNode,
} from './testing/simulated-cluster.ts';

const stream = streamKey('live', 'cam1');
let cluster: SimulatedCluster;
let o1: SimulatedNode;
let o2: SimulatedNode;
let c1: SimulatedController;

beforeEach(async () => {
  cluster = new SimulatedCluster();
  o1 = await cluster.addNode('o1', 0);
  o2 = await cluster.addNode('o2', 333);
  await cluster.addNode('o3', 666);
  c1 = cluster.addController('c1');
  await cluster.pass(6_000);
});

afterEach(async () => {
  await cluster.close();
  expect(cluster.clock.pendingTimers).toBe(cluster.nodes.length);
});

/** Lets time pass until something is so; returns how long that took. */
async function timeUntil(isMet: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<number> {
  const startMs = cluster.clock.nowMs();
  while (!(await isMet())) {
    if (cluster.clock.nowMs() - startMs > limitMs) throw new Error('waited in vain');
    await cluster.pass(50);
  }
  return cluster.clock.nowMs() - startMs;
}

const isOrphaned = async (): Promise<boolean> =>
  (await cluster.registry.stream(stream))?.state === 'orphaned';

describe('a controller', () => {
  it('leads, appoints standbys, and does nothing more while all is well', async () => {
    expect(c1.controller.state).toEqual({
      leadership: 'leading',
      nodes: ['o1', 'o2', 'o3'].map((nodeId) => ({
        nodeId,
        incarnation: `${nodeId} run 1`,
        health: 'healthy',
      })),
    });
    await cluster.publish(o1, stream);
    await cluster.pass(200);
    const standby = (await cluster.registry.stream(stream))?.standby;
    expect(['o2', 'o3']).toContain(standby?.nodeId);
    expect(standby?.relayAddress).toBe(`${standby?.nodeId ?? ''}:1`);
    await cluster.pass(60_000);
    expect(cluster.applied).toHaveLength(1);
    expect(c1.verdicts).toEqual([]);
  });

  it('orphans the streams of an origin that crashed with the first beat that it misses when an edge reports it', async () => {
    await cluster.publish(o1, stream);
    await cluster.pass(350);
    cluster.set(o1, { condition: 'crashed' });
    await cluster.report(o1);
    // It has beaten 350 ms ago, and 20 ms more are granted; the test looks each 50 ms.
    expect(await timeUntil(isOrphaned)).toBeLessThanOrEqual(700);
    expect(c1.verdicts).toEqual(['o1']);
    expect((await cluster.registry.nodes()).map(({ nodeId }) => nodeId)).toEqual(['o2', 'o3']);
  });

  it('finds a crash without a report as soon as a beat was missed', async () => {
    await cluster.publish(o1, stream);
    cluster.set(o1, { condition: 'crashed' });
    expect(await timeUntil(isOrphaned)).toBeLessThanOrEqual(1_400);
  });

  it('finds a frozen origin within 3.5 s, and takes it back when it beats again', async () => {
    const claimed = await cluster.publish(o1, stream);
    cluster.set(o1, { condition: 'frozen' });
    expect(await timeUntil(isOrphaned)).toBeLessThanOrEqual(3_500);
    expect(c1.verdicts).toEqual(['o1']);
    cluster.set(o1, { condition: 'up' });
    await cluster.pass(1_500);
    expect(await cluster.registry.stream(stream)).toMatchObject({ state: 'live', epoch: claimed?.epoch });
    expect(c1.controller.state.nodes[0]).toMatchObject({ nodeId: 'o1', health: 'healthy' });
  });

  it('holds nobody for dead who is cut off from the registry only, for as long as a probe is answered', async () => {
    await cluster.publish(o1, stream);
    cluster.set(o1, { isCutFromRegistry: true });
    await cluster.pass(200_000, 100);
    expect(c1.verdicts).toEqual([]);
    expect(c1.controller.state.nodes[0]).toMatchObject({ nodeId: 'o1', health: 'isolated' });
    // The lease has run out, but the stream is not ended under a publisher that is still there.
    expect(await isOrphaned()).toBe(true);
    cluster.set(o1, { isCutFromRegistry: false });
    await cluster.pass(1_500);
    expect(await cluster.registry.stream(stream)).toMatchObject({ state: 'live' });
  });

  it('holds nobody for dead who beats, whatever edges report and probes find', async () => {
    cluster.set(o1, { isCutFromControllers: true });
    for (let round = 0; round < 20; round++) {
      await cluster.report(o1);
      await cluster.pass(700);
    }
    expect(c1.verdicts).toEqual([]);
  });

  it('does nothing about a node that leaves, but replaces it as a standby', async () => {
    await cluster.publish(o1, stream);
    await cluster.pass(200);
    const before = (await cluster.registry.stream(stream))?.standby?.nodeId ?? '';
    cluster.set(cluster.node(before), { condition: 'crashed' });
    await cluster.registry.leave(cluster.node(before).record);
    await cluster.pass(2_000);
    expect(c1.verdicts).toEqual([]);
    const after = (await cluster.registry.stream(stream))?.standby?.nodeId;
    expect(['o2', 'o3'].filter((nodeId) => nodeId !== before)).toEqual([after]);
  });

  it('ends an orphan after its time, when its owner is dead', async () => {
    await cluster.publish(o1, stream);
    cluster.set(o1, { condition: 'crashed' });
    await timeUntil(isOrphaned);
    await cluster.pass(119_000, 100);
    expect(await isOrphaned()).toBe(true);
    await cluster.pass(3_000);
    expect(await cluster.registry.stream(stream)).toBeUndefined();
  });

  it('waits a lease after the registry was away before it judges, and still finds who died meanwhile', async () => {
    await cluster.publish(o1, stream);
    cluster.isRegistryDown = true;
    cluster.set(o2, { condition: 'crashed' });
    await cluster.pass(10_000);
    expect(c1.controller.state).toMatchObject({ leadership: 'following', blindness: 'registry_away' });
    cluster.isRegistryDown = false;
    const judged = await timeUntil(() => c1.verdicts.length > 0);
    expect(judged).toBeGreaterThanOrEqual(4_000);
    expect(judged).toBeLessThanOrEqual(5_500);
    expect(c1.verdicts).toEqual(['o2']);
    expect(await cluster.registry.stream(stream)).toMatchObject({ state: 'live' });
  });

  it('judges nobody for a lease after it stood still itself', async () => {
    await cluster.publish(o1, stream);
    c1.pause();
    await cluster.pass(1_500);
    cluster.set(o2, { condition: 'crashed' });
    c1.resume();
    await cluster.report(o2);
    await cluster.pass(3_900);
    expect(c1.controller.state.blindness).toBe('stood_still');
    expect(c1.verdicts).toEqual([]);
    await cluster.pass(1_000);
    expect(c1.verdicts).toEqual(['o2']);
  });

  it('judges nobody when the registry comes back empty, and goes on once the nodes are back', async () => {
    await cluster.publish(o1, stream);
    await cluster.pass(500);
    cluster.registry.restore();
    await cluster.pass(2_000);
    expect(c1.verdicts).toEqual([]);
    expect(await cluster.registry.stream(stream)).toMatchObject({ state: 'live' });
    expect(c1.controller.state.blindness).toBe('registry_forgot');
    await cluster.pass(4_000);
    expect(c1.controller.state.blindness).toBeUndefined();
    expect((await cluster.registry.stream(stream))?.standby).toBeDefined();
    expect(c1.verdicts).toEqual([]);
  });
});

describe('several controllers', () => {
  it('have a new leader within one lease and a bit, who needs no time to look around', async () => {
    const c2 = cluster.addController('c2');
    await cluster.publish(o1, stream);
    await cluster.pass(6_000);
    expect(cluster.leaders).toEqual([c1]);
    c1.pause();
    cluster.set(o1, { condition: 'crashed' });
    expect(await timeUntil(() => c2.controller.state.leadership === 'leading')).toBeLessThanOrEqual(5_000);
    expect(await timeUntil(() => c2.verdicts.length > 0)).toBeLessThanOrEqual(500);
  });

  it('do not judge while they follow: the next leader begins by probing', async () => {
    const c2 = cluster.addController('c2');
    await cluster.pass(6_000);
    cluster.set(o1, { isCutFromRegistry: true });
    await cluster.pass(30_000);
    expect(c2.controller.state.nodes[0]).toMatchObject({ nodeId: 'o1', health: 'suspect' });
    await c1.controller.stop();
    await cluster.pass(10_000);
    expect(c2.controller.state).toMatchObject({ leadership: 'leading' });
    expect(c2.controller.state.nodes[0]).toMatchObject({ nodeId: 'o1', health: 'isolated' });
    expect(c2.verdicts).toEqual([]);
  });

  it('never have a write applied of one that lost the lease while it stood still', async () => {
    const c2 = cluster.addController('c2');
    await cluster.pass(6_000);
    const stale = 1;
    c1.pause();
    await timeUntil(() => c2.controller.state.leadership === 'leading');
    await cluster.pass(1_000);
    // What the stale leader would write under its token is refused by the registry, whatever it still believes.
    expect(await cluster.registry.expel({ token: stale, node: o1.record, silentMs: 0 })).toBe('fenced');
    c1.resume();
    await cluster.pass(5_000);
    expect(cluster.leaders).toEqual([c2]);
  });

  it('say once that a node is dead, and change each thing once', async () => {
    const others = [cluster.addController('c2'), cluster.addController('c3')];
    await cluster.publish(o1, stream);
    await cluster.pass(5_000);
    cluster.set(o1, { condition: 'crashed' });
    await cluster.report(o1);
    await timeUntil(isOrphaned);
    await cluster.pass(5_000);
    expect(others.flatMap(({ verdicts }) => verdicts)).toEqual([]);
    expect(c1.verdicts).toEqual(['o1']);
    expect(cluster.applied.filter(({ what }) => what === 'expel')).toHaveLength(1);
  });
});

it('counts verdicts, how long they took, plans, probes and actions', async () => {
  const counted: string[] = [];
  const count =
    (name: string) =>
    (value: number, labels: MetricLabels = {}) =>
      void counted.push([name, ...Object.values(labels), value.toFixed(0)].join(' '));
  const metrics: Metrics = {
    ...silentMetrics,
    counter: ({ name }) => ({ add: count(name) }),
    histogram: ({ name }) => ({ observe: count(name) }),
  };
  await c1.controller.stop();
  cluster.addController('c2', { metrics });
  await cluster.pass(6_000);
  cluster.set(o1, { condition: 'crashed' });
  await cluster.report(o1);
  await cluster.pass(3_000);
  for (const expected of [
    'headwater_controller_probes_total refused 1',
    'headwater_controller_verdicts_total true 1',
    'headwater_controller_verdict_seconds 1',
    'headwater_controller_failover_seconds 1',
    'headwater_controller_plans_total 1',
    'headwater_controller_actions_total expel_node applied 1',
  ]) {
    expect(counted).toContain(expected);
  }
});
