// What every `NodeDiscovery` must do, whatever it asks. Time passes only through the harness, and nothing is assumed about
// how soon something is heard.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeDiscovery } from '../discovery/node-discovery.ts';
import type { NodeRecord } from '../node-record.ts';
import {
  DiscoveryLog,
  passUntil,
  type DiscoveryHarness,
  type MakeDiscoveryHarness,
} from './discovery-harness.ts';
import { testNode } from './registry-harness.ts';

/** Declares the suite for one implementation; each test gets an empty source. */
export function discoveryConformance(name: string, makeHarness: MakeDiscoveryHarness): void {
  describe(`${name} as a node discovery`, () => {
    let harness: DiscoveryHarness;

    beforeEach(async () => {
      harness = await makeHarness();
    });

    afterEach(async () => {
      await harness.close();
    });

    membershipCases(() => harness);
    watchCases(() => harness);
    outageCases(() => harness);
  });
}

const n1 = testNode('n1');
const n2 = testNode('n2', {
  roles: ['edge'],
  zone: 'b',
  region: 'south',
  addresses: { http: '10.0.0.2:8080' },
});

async function started(harness: DiscoveryHarness): Promise<NodeDiscovery> {
  const discovery = harness.discovery();
  await discovery.start();
  await passUntil(harness, 'the discovery to be current', { isMet: () => !discovery.isStale });
  return discovery;
}

async function untilKnown(harness: DiscoveryHarness, discovery: NodeDiscovery, ids: string[]): Promise<void> {
  const known = (): string => idsOf(discovery).join();
  await passUntil(harness, `${ids.join()} to be known`, { isMet: () => known() === ids.join() });
}

function idsOf(discovery: NodeDiscovery): string[] {
  return discovery.nodes().map((node) => node.nodeId);
}

function membershipCases(harness: () => DiscoveryHarness): void {
  it('lists every node as it was announced, whether that was before its start or after', async () => {
    const full: NodeRecord = {
      ...n1,
      roles: ['origin', 'edge', 'controller', 'router'],
      addresses: { rtmp: '[::1]:1935', http: 'h:8080', admin: 'h:9090', relay: 'h:50051' },
      isDraining: true,
      coordinates: { latitude: -33.5, longitude: 151.25 },
      publicUrls: { http: 'https://edge.example:8443', rtmp: 'rtmp://edge.example' },
      capacity: { viewers: 5_000, egressBitsPerSecond: 8e9 },
      load: { cpu: 0.25, publishers: 3, viewers: 4_000, egressBitsPerSecond: 1e9, overload: 'egress' },
    };
    const bare = testNode('n3', { addresses: {}, roles: [], zone: '', region: '' });
    await harness().announce(full);
    const discovery = await started(harness());
    await harness().announce(n2);
    await harness().announce(bare);
    await untilKnown(harness(), discovery, ['n1', 'n2', 'n3']);
    expect(discovery.nodes()).toEqual([full, n2, bare]);
    expect(discovery.node('n2')).toEqual(n2);
    expect(discovery.node('n4')).toBeUndefined();
    await discovery.close();
  });

  it('knows of draining, and after a while of load', async () => {
    const node = await harness().announce(n1);
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1']);
    const load = { cpu: 1.5, publishers: 7, viewers: 900, egressBitsPerSecond: 2e9 };
    await node.say({ isDraining: true, load });
    const isTold = (): boolean =>
      discovery.node('n1')?.isDraining === true && discovery.node('n1')?.load.cpu === 1.5;
    await passUntil(harness(), 'draining and load to be known', { isMet: isTold });
    expect(discovery.node('n1')).toEqual({ ...n1, isDraining: true, load });
    await discovery.close();
  });

  it('drops a node that leaves, and one that falls silent', async () => {
    const first = await harness().announce(n1);
    const second = await harness().announce(n2);
    await harness().announce(testNode('n3'));
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1', 'n2', 'n3']);
    await first.leave();
    await untilKnown(harness(), discovery, ['n2', 'n3']);
    second.crash();
    await untilKnown(harness(), discovery, ['n3']);
    expect(discovery.isStale).toBe(false);
    await discovery.close();
  });

  it('keeps a node that goes on beating for longer than its lease', async () => {
    await harness().announce(n1);
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1']);
    const log = new DiscoveryLog(discovery);
    await harness().advance(7_000);
    expect(log.heard).toEqual([]);
    expect(idsOf(discovery)).toEqual(['n1']);
    await discovery.close();
  });

  it('takes the later of two runs of a node, and keeps it when the earlier one ends', async () => {
    const before = await harness().announce(n1);
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1']);
    const log = new DiscoveryLog(discovery);
    await harness().announce(testNode('n1', { incarnation: 'n1 run 2', zone: 'c' }));
    await passUntil(harness(), 'the later run', { isMet: () => discovery.node('n1')?.zone === 'c' });
    await before.leave();
    await harness().advance(6_000);
    expect(log.heard).toEqual(['node_left n1 run 1', 'node_joined n1 run 2']);
    expect(idsOf(discovery)).toEqual(['n1']);
    await discovery.close();
  });

  it('says that a node is at no distance from itself, and does not make up others', async () => {
    await harness().announce(n1);
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1']);
    expect(discovery.distanceMs('n1', 'n1')).toBe(0);
    expect(discovery.distanceMs('n1', 'n9')).toBeUndefined();
    expect(discovery.distanceMs('n9', 'n9')).toBeUndefined();
    expect(discovery.regionDistanceMs('north', 'nowhere')).toBeUndefined();
    await discovery.close();
  });
}

function watchCases(harness: () => DiscoveryHarness): void {
  it('tells of joining, draining and leaving in order, with nodes() already up to date', async () => {
    const discovery = await started(harness());
    const log = new DiscoveryLog(discovery);
    const known: (string | undefined)[] = [];
    discovery.watch(() => known.push(discovery.node('n1')?.isDraining.toString()));
    const node = await harness().announce(n1);
    await untilKnown(harness(), discovery, ['n1']);
    await node.say({ isDraining: true });
    await passUntil(harness(), 'draining', { isMet: () => discovery.node('n1')?.isDraining === true });
    await node.leave();
    await untilKnown(harness(), discovery, []);
    expect(log.heard).toEqual(['node_joined n1 run 1', 'node_updated n1 run 1', 'node_left n1 run 1']);
    expect(known).toEqual(['false', 'true', undefined]);
    await discovery.close();
  });

  it('goes on telling others when a listener throws, and nobody who has stopped to watch', async () => {
    const discovery = await started(harness());
    discovery.watch(() => {
      throw new Error('broken listener');
    });
    const stopped: string[] = [];
    const watch = discovery.watch((event) => stopped.push(event.type));
    watch.close();
    watch.close();
    const log = new DiscoveryLog(discovery);
    await harness().announce(n1);
    await untilKnown(harness(), discovery, ['n1']);
    expect([log.heard, stopped]).toEqual([['node_joined n1 run 1'], []]);
    await discovery.close();
  });

  it('tells nothing once it is closed, which may be done twice or before its start', async () => {
    const idle = harness().discovery();
    await idle.close();
    await idle.start();
    const discovery = await started(harness());
    const log = new DiscoveryLog(discovery);
    await discovery.close();
    await discovery.close();
    await harness().announce(n1);
    await harness().advance(1_000);
    expect([log.heard, discovery.nodes(), idle.nodes()]).toEqual([[], [], []]);
  });
}

function outageCases(harness: () => DiscoveryHarness): void {
  it('keeps what it knows while the source is away, marked as stale, and loses nobody when it comes back empty', async () => {
    await harness().announce(n1);
    await harness().announce(n2);
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1', 'n2']);
    const log = new DiscoveryLog(discovery);
    await harness().breakSource();
    await passUntil(harness(), 'the outage to be noticed', { isMet: () => discovery.isStale });
    await harness().advance(6_000);
    expect(idsOf(discovery)).toEqual(['n1', 'n2']);
    await harness().restoreEmptySource();
    await passUntil(harness(), 'the discovery to be current', { isMet: () => !discovery.isStale });
    expect(idsOf(discovery)).toEqual(['n1', 'n2']);
    expect(new Set(log.heard)).toEqual(new Set(['went_stale', 'became_current']));
    await discovery.close();
  });

  it('drops a node that died during the outage once it had time to come back', async () => {
    await harness().announce(n1);
    const second = await harness().announce(n2);
    const discovery = await started(harness());
    await untilKnown(harness(), discovery, ['n1', 'n2']);
    await harness().breakSource();
    await passUntil(harness(), 'the outage to be noticed', { isMet: () => discovery.isStale });
    second.crash();
    await harness().restoreEmptySource();
    await untilKnown(harness(), discovery, ['n1']);
    expect(discovery.isStale).toBe(false);
    await discovery.close();
  });

  it('starts while the source is away, and finds the nodes when it comes', async () => {
    await harness().breakSource();
    const discovery = harness().discovery();
    await Promise.all([discovery.start(), harness().advance(3_000)]);
    expect([discovery.isStale, discovery.nodes()]).toEqual([true, []]);
    await harness().restoreEmptySource();
    await harness().announce(n1);
    await untilKnown(harness(), discovery, ['n1']);
    expect(discovery.isStale).toBe(false);
    await discovery.close();
  });
}
