import { streamKey } from '@headwater/contracts';
import type { NodeRecord, StreamRecord } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shieldsOf, type ShieldSituation } from './shield-choice.ts';
import { testRecord } from './testing/index.ts';

const streams = Array.from({ length: 200 }, (_, index) => streamKey('live', `cam${String(index)}`));

function edge(nodeId: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return testNode(nodeId, {
    roles: ['edge'],
    zone: 'a',
    region: 'west',
    addresses: { relay: `${nodeId}:1` },
    ...more,
  });
}

const farOwner = testNode('origin-1', { roles: ['origin'], region: 'east' });
const nearOwner = testNode('origin-1', { roles: ['origin'], region: 'west' });
const edges = (count: number): NodeRecord[] =>
  Array.from({ length: count }, (_, index) => edge(`edge-${String(index + 1)}`));

function asked(over: Partial<ShieldSituation> & { nodes: readonly NodeRecord[] }): string[] {
  const self = { nodeId: 'edge-1', zone: 'a', region: 'west' };
  const shields = shieldsOf({ record: testRecord(1), self, shield: 'auto', ...over });
  return shields.map(({ kind, node, address }) => {
    expect([kind, address]).toEqual(['shield', `${node.nodeId}:1`]);
    return node.nodeId;
  });
}

/** Whom an edge asks for a stream, with these edges in its region. */
function askedBy(nodeId: string, stream: StreamRecord['stream'], among: readonly NodeRecord[]): string[] {
  const self = { nodeId, zone: 'a', region: 'west' };
  return asked({ record: { ...testRecord(1), stream }, self, nodes: [farOwner, ...among] });
}

/** The one edge that asks nobody. */
function shieldOf(stream: StreamRecord['stream'], among: readonly NodeRecord[]): string {
  const heads = among.filter(({ nodeId }) => askedBy(nodeId, stream, among).length === 0);
  expect(heads).toHaveLength(1);
  return heads[0]?.nodeId ?? '';
}

describe('who is asked before the owner', () => {
  const better = shieldOf(testRecord(1).stream, edges(3));
  const behind = edges(3).find(({ nodeId }) => nodeId !== better)?.nodeId ?? '';
  const self = { nodeId: behind, zone: 'a', region: 'west' };
  const table: readonly [string, Partial<ShieldSituation> & { nodes: readonly NodeRecord[] }, number][] = [
    ['another edge of the region', { nodes: [farOwner, edge(better)] }, 1],
    ['nobody where no other is there', { nodes: [farOwner, edge(behind)] }, 0],
    ['nobody where the owner is in the region', { nodes: [nearOwner, edge(better)] }, 0],
    ['another edge also then, with always', { nodes: [nearOwner, edge(better)], shield: 'always' }, 1],
    ['nobody where it is not known where the owner is', { nodes: [edge(better)] }, 0],
    ['nobody with off', { nodes: [farOwner, edge(better)], shield: 'off' }, 0],
    ['nobody while others ask this edge', { nodes: [farOwner, edge(better)], isAsked: true }, 0],
    ['nobody who drains', { nodes: [farOwner, edge(better, { isDraining: true })] }, 0],
    ['nobody of another region', { nodes: [farOwner, edge(better, { region: 'east' })] }, 0],
    ['nobody without a relay', { nodes: [farOwner, edge(better, { addresses: {} })] }, 0],
    ['nobody who is no edge', { nodes: [farOwner, edge(better, { roles: ['controller'] })] }, 0],
  ];

  it.each(table)('is %s', (_, situation, count) => {
    expect(asked({ self, ...situation })).toHaveLength(count);
  });

  it('is not the owner, where that is an edge of the region as well', () => {
    const owner = edge('origin-1', { roles: ['origin', 'edge'] });
    const among = [owner, ...edges(8)];
    const seldom = streams.map((stream) => askedBy('edge-1', stream, among)).flat();
    expect(seldom.length).toBeGreaterThan(0);
    expect(seldom).not.toContain('origin-1');
  });

  it('is the same shield for all of a region, with the same stand-in for it', () => {
    const region = edges(8);
    for (const stream of streams.slice(0, 50)) {
      const shield = shieldOf(stream, region);
      const others = region.filter(({ nodeId }) => nodeId !== shield);
      const chosen = others.map(({ nodeId }) => askedBy(nodeId, stream, region));
      expect(new Set(chosen.map(([first]) => first))).toEqual(new Set([shield]));
      for (const two of chosen) expect(two.length).toBeLessThanOrEqual(2);
      const standIns = new Set(chosen.flatMap(([, second]) => second ?? []));
      expect(standIns.size).toBe(1);
      const [standIn = ''] = standIns;
      expect(askedBy(standIn, stream, region)).toEqual([shield]);
    }
  });
});

describe('when edges come and go', () => {
  it('only the streams of an edge that leaves move, and to their stand-ins', () => {
    const before = edges(8);
    const after = before.slice(1);
    for (const stream of streams) {
      const shield = shieldOf(stream, before);
      // Somebody of the region who is neither of the two knows both.
      const knowing = before
        .map(({ nodeId }) => askedBy(nodeId, stream, before))
        .find((two) => two.length === 2);
      expect(shieldOf(stream, after)).toBe(shield === 'edge-1' ? knowing?.[1] : shield);
    }
  });

  it('an edge that joins gets its share of the streams, and no other stream moves', () => {
    const before = edges(8);
    const after = [...before, edge('edge-9')];
    const moved = streams.filter((stream) => shieldOf(stream, after) !== shieldOf(stream, before));
    for (const stream of moved) expect(shieldOf(stream, after)).toBe('edge-9');
    // A ninth of them, give or take four times the deviation.
    expect(Math.abs(moved.length - streams.length / 9)).toBeLessThan(18);
  });

  it('nobody is reached again by asking on and on, whatever each believes of the others', () => {
    const region = edges(6);
    const views = fc.array(fc.subarray(region), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(views, fc.constantFrom(...streams), (beliefs, stream) => {
        const asks = new Map(
          region.map(({ nodeId }, index) => [nodeId, askedBy(nodeId, stream, beliefs[index] ?? [])]),
        );
        const reached = (from: string, seen: readonly string[]): void => {
          expect(seen).not.toContain(from);
          for (const next of asks.get(from) ?? []) reached(next, [...seen, from]);
        };
        for (const nodeId of asks.keys()) reached(nodeId, []);
      }),
    );
  });
});
