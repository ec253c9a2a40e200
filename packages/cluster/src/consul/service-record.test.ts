import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testNode } from '../testing/index.ts';
import { readEntries } from './service-list.ts';
import { fromEntry, isLoadNews, toService } from './service-record.ts';

const options = { name: 'headwater', ttlMs: 4_000 };
const node = testNode('n1', {
  roles: ['origin', 'router'],
  addresses: { relay: '[::1]:50051', admin: 'h:9090' },
  coordinates: { latitude: 1e-7, longitude: -180 },
  publicUrls: { http: 'http://h' },
  capacity: { viewers: 1, egressBitsPerSecond: 0 },
  load: { cpu: 1e-7, publishers: 1, viewers: 2, egressBitsPerSecond: 3e10, overload: 'event loop lag' },
});

function entryOf(
  changes: { node?: typeof node; status?: string; check?: string; order?: number } = {},
): unknown {
  const { node: which = node, status = 'passing', check = 'service:x', order = 1 } = changes;
  const { id, meta } = toService(which, options);
  return {
    Node: { Node: 'machine', Datacenter: 'dc1' },
    Service: { ID: id, Meta: meta, CreateIndex: order },
    Checks: [
      { CheckID: 'serfHealth', Status: 'passing' },
      { CheckID: check, Status: status },
    ],
  };
}

describe('a node as a service', () => {
  it('is read as it was written', () => {
    expect(fromEntry(entryOf())).toEqual({
      ...{ outcome: 'alive', node, place: { datacenter: 'dc1', machine: 'machine' }, order: 1 },
    });
    expect(toService(node, options)).toMatchObject({
      id: 'headwater-n1-n1 run 1',
      address: '::1',
      port: 50051,
    });
  });

  it('names no address where it listens on none in particular', () => {
    for (const relay of ['0.0.0.0:1', '[::]:1', 'nonsense']) {
      expect(toService({ ...node, addresses: { relay } }, options)).not.toHaveProperty('address');
    }
  });

  it('is dead when a check fails, alive when one warns, draining when only in maintenance', () => {
    expect(fromEntry(entryOf({ status: 'critical' }))).toEqual({ outcome: 'dead' });
    expect(fromEntry(entryOf({ status: 'warning' }))).toMatchObject({ outcome: 'alive' });
    for (const check of ['_node_maintenance', '_service_maintenance:x']) {
      const read = fromEntry(entryOf({ status: 'critical', check }));
      expect(read).toMatchObject({ outcome: 'alive', node: { isDraining: true } });
    }
  });

  it('is ignored, whatever else stands there, and never more than a short word is said about it', () => {
    const keys = ['format', 'node_id', 'incarnation', 'roles', 'draining', 'load_cpu', 'address_relay'];
    const meta = fc.dictionary(fc.constantFrom(...keys), fc.anything());
    const anything = fc.oneof(
      fc.anything(),
      fc.record({ Service: fc.record({ Meta: meta }), Checks: fc.constant([]) }),
    );
    fc.assert(
      fc.property(anything, (entry) => {
        const read = fromEntry(entry);
        expect(read.outcome).toBe('ignored');
        if (read.outcome === 'ignored') expect(read.problem.length + read.serviceId.length).toBeLessThan(200);
      }),
    );
  });
});

describe('a list of services', () => {
  it('has the run of a node that registered last, in whatever order they stand', () => {
    const later = testNode('n1', { incarnation: 'n1 run 2' });
    const entries = [entryOf({ node: later, order: 8 }), entryOf({ order: 3 })];
    for (const list of [entries, [...entries].reverse()]) {
      const read = readEntries(list, 10);
      expect(read.alive.map((entry) => entry.node.incarnation)).toEqual(['n1 run 2']);
      expect(read.twice).toEqual(['n1']);
    }
  });

  it('has no more nodes than allowed', () => {
    const entries = ['a', 'b', 'c'].map((nodeId) => entryOf({ node: testNode(nodeId) }));
    const read = readEntries(entries, 2);
    expect(read.alive).toHaveLength(2);
    expect(read.ignored).toEqual([{ serviceId: 'c', problem: 'more than 2 nodes' }]);
  });
});

it('a load is news when it differs by a twentieth', () => {
  const load = { cpu: 1, publishers: 0, viewers: 1_000, egressBitsPerSecond: 1e9 };
  expect(isLoadNews(load, { ...load, cpu: 1.04, viewers: 1_049 })).toBe(false);
  expect(isLoadNews(load, { ...load, cpu: 0.9 })).toBe(true);
  expect(isLoadNews(load, { ...load, viewers: 1_060 })).toBe(true);
  expect(isLoadNews(load, { ...load, publishers: 1 })).toBe(true);
  expect(isLoadNews(load, { ...load, overload: 'egress' })).toBe(true);
});
