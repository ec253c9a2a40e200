import { expect, it } from 'vitest';
import { refOf, testBeat, testNode, type RegistryHarness, renewed } from '../registry-harness.ts';

/** Nodes: announcing, leases, incarnations. */
export function nodeCases(harness: () => RegistryHarness): void {
  it('lists a node as it was announced, to every client', async () => {
    const node = testNode('n1', {
      roles: ['origin', 'edge', 'controller', 'router'],
      addresses: { rtmp: '[::1]:1935', http: 'h:8080', admin: 'h:9090', relay: 'h:50051' },
      isDraining: true,
      coordinates: { latitude: -33.5, longitude: 151.25 },
      publicUrls: { http: 'https://edge.example:8443', rtmp: 'rtmp://edge.example' },
      capacity: { viewers: 5_000, egressBitsPerSecond: 8e9 },
      load: { cpu: 0.25, publishers: 3, viewers: 4_000, egressBitsPerSecond: 1e9, overload: 'egress' },
    });
    const bare = testNode('n2', { addresses: {}, roles: [] });
    await harness().registry().join(node);
    await harness().registry().join(bare);
    const nodes = await harness().registry().nodes();
    expect([...nodes].sort((a, b) => a.nodeId.localeCompare(b.nodeId))).toEqual([node, bare]);
  });

  it('keeps a node while it beats, with the load and draining of its last beat', async () => {
    const registry = harness().registry();
    const node = testNode('n1');
    await registry.join(node);
    for (let beat = 1; beat <= 4; beat++) {
      await harness().advance(harness().leaseMs * 0.6);
      const busy = { ...node, load: { ...node.load, viewers: beat }, isDraining: beat > 2 };
      expect(await registry.heartbeat(testBeat(busy))).toEqual(renewed);
      expect(await registry.nodes()).toEqual([busy]);
    }
  });

  it('drops a node whose lease has run out, and takes it back by join alone', async () => {
    const registry = harness().registry();
    const node = testNode('n1');
    await registry.join(node);
    await harness().advance(harness().leaseMs * 1.2);
    expect(await registry.nodes()).toEqual([]);
    expect(await registry.heartbeat(testBeat(node))).toEqual({ outcome: 'unknown_node' });
    expect(await registry.nodes()).toEqual([]);
    await registry.join(node);
    expect(await registry.heartbeat(testBeat(node))).toEqual(renewed);
    expect(await registry.nodes()).toEqual([node]);
  });

  it('does not know a node that never joined', async () => {
    const registry = harness().registry();
    expect(await registry.heartbeat(testBeat(testNode('n1')))).toEqual({ outcome: 'unknown_node' });
    expect(await registry.nodes()).toEqual([]);
  });

  it('drops a node that leaves at once, and leaving again does nothing', async () => {
    const registry = harness().registry();
    await registry.join(testNode('n1'));
    await registry.join(testNode('n10'));
    await registry.leave(testNode('n1'));
    await registry.leave(testNode('n1'));
    await registry.leave(testNode('never-there'));
    expect((await registry.nodes()).map((node) => node.nodeId)).toEqual(['n10']);
  });

  it('replaces an earlier incarnation, which can neither beat nor leave for the new one', async () => {
    const registry = harness().registry();
    const before = testNode('n1');
    const after = testNode('n1', { incarnation: 'n1 run 2', zone: 'b' });
    await registry.join(before);
    await registry.join(after);
    expect(await registry.nodes()).toEqual([after]);
    expect(await registry.heartbeat(testBeat(before))).toEqual({ outcome: 'superseded' });
    await registry.leave(refOf(before));
    expect(await registry.nodes()).toEqual([after]);
    expect(await registry.heartbeat(testBeat(after))).toEqual(renewed);
  });

  it('does not renew a lease by the beat of an earlier incarnation', async () => {
    const registry = harness().registry();
    await registry.join(testNode('n1'));
    await registry.join(testNode('n1', { incarnation: 'n1 run 2' }));
    await harness().advance(harness().leaseMs * 0.7);
    await registry.heartbeat(testBeat(testNode('n1')));
    await harness().advance(harness().leaseMs * 0.5);
    expect(await registry.nodes()).toEqual([]);
  });

  it('takes a new announcement of the same incarnation', async () => {
    const registry = harness().registry();
    await registry.join(testNode('n1'));
    const moved = testNode('n1', { addresses: { relay: 'elsewhere:1' }, roles: ['edge'] });
    await registry.join(moved);
    expect(await registry.nodes()).toEqual([moved]);
  });
}
