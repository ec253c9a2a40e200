import { parseStreamKey } from '@headwater/contracts';
import type { NodeRecord, StreamRecord } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { describe, expect, it } from 'vitest';
import { rendezvousWeight } from './rendezvous.ts';
import { upstreamCandidates } from './upstream-candidates.ts';
import type { CandidateSituation } from './upstream-target.ts';

const self = { nodeId: 'edge-1', zone: 'a', region: 'eu' };
const record: StreamRecord = {
  stream: parseStreamKey('live/cam1'),
  owner: { nodeId: 'origin-1', incarnation: 'run' },
  relayAddress: 'origin-1:1',
  epoch: 7,
  state: 'live',
  codecs: [],
  sinceMs: 0,
};
const followed: StreamRecord = {
  ...record,
  standby: { nodeId: 'origin-2', incarnation: 'run', relayAddress: 'origin-2:1' },
};

function edge(nodeId: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return testNode(nodeId, {
    roles: ['edge'],
    zone: 'a',
    region: 'eu',
    addresses: { relay: `${nodeId}:1` },
    ...more,
  });
}

function chosen(situation: Partial<CandidateSituation>, ...failed: string[]): string[] {
  const candidates = upstreamCandidates({
    record,
    nodes: [],
    self,
    failed: new Set(failed),
    ...situation,
  });
  return candidates.map(({ kind, node, address }) => {
    expect(address).toBe(`${node.nodeId}:1`);
    return `${kind} ${node.nodeId}`;
  });
}

describe('whom a stream is pulled from', () => {
  const near = [edge('edge-2')];
  const table: readonly [string, Partial<CandidateSituation>, readonly string[], readonly string[]][] = [
    ['the owner alone', {}, [], ['owner origin-1']],
    ['the owner, even where it failed', {}, ['origin-1'], ['owner origin-1']],
    ['then the standby', { record: followed }, [], ['owner origin-1', 'standby origin-2']],
    [
      'then a peer',
      { record: followed, nodes: near },
      [],
      ['owner origin-1', 'standby origin-2', 'peer edge-2'],
    ],
    [
      'an owner that failed last',
      { record: followed, nodes: near },
      ['origin-1'],
      ['standby origin-2', 'peer edge-2', 'owner origin-1'],
    ],
    [
      'a standby that failed not at all',
      { record: followed, nodes: near },
      ['origin-1', 'origin-2'],
      ['peer edge-2', 'owner origin-1'],
    ],
    ['a peer that failed not at all', { nodes: near }, ['edge-2'], ['owner origin-1']],
    [
      'an orphan from its owner, who may be cut off from the registry only, and its standby',
      { record: { ...followed, state: 'orphaned' }, nodes: near },
      [],
      ['owner origin-1', 'standby origin-2'],
    ],
    [
      'no peer while the publisher is away',
      { record: { ...record, state: 'interrupted' }, nodes: near },
      [],
      ['owner origin-1'],
    ],
    ['not from this edge itself', { nodes: [edge('edge-1')] }, [], ['owner origin-1']],
    [
      'not from an edge that drains',
      { nodes: [edge('edge-2', { isDraining: true })] },
      [],
      ['owner origin-1'],
    ],
    [
      'not from an edge without a relay',
      { nodes: [edge('edge-2', { addresses: {} })] },
      [],
      ['owner origin-1'],
    ],
    ['not from other roles', { nodes: [edge('origin-3', { roles: ['origin'] })] }, [], ['owner origin-1']],
    [
      'not twice from nodes that are edges, too',
      { record: followed, nodes: [edge('origin-1'), edge('origin-2')] },
      [],
      ['owner origin-1', 'standby origin-2'],
    ],
    [
      'peers of the own zone, then of the region, two at most',
      {
        nodes: [
          edge('far', { region: 'us' }),
          edge('region', { zone: 'b' }),
          // The same name of a zone elsewhere means nothing.
          edge('elsewhere', { region: 'us', zone: 'a' }),
          edge('zone'),
        ],
      },
      [],
      ['owner origin-1', 'peer zone', 'peer region'],
    ],
    [
      'other peers instead of those that failed',
      { nodes: [edge('region', { zone: 'b' }), edge('far', { region: 'us' }), edge('zone')] },
      ['zone'],
      ['owner origin-1', 'peer region', 'peer far'],
    ],
  ];
  it.each(table)('%s', (_title, situation, failed, expected) => {
    expect(chosen(situation, ...failed)).toEqual(expected);
  });
});

describe('where the owner is in another region', () => {
  const weight = (nodeId: string): number => rendezvousWeight(record.stream, nodeId);
  const names = Array.from({ length: 20 }, (_, index) => `edge-${String(index + 2)}`);
  const before = names.find((nodeId) => weight(nodeId) > weight(self.nodeId)) ?? '';
  const behind = names.find((nodeId) => weight(nodeId) < weight(self.nodeId)) ?? '';
  const owner = testNode('origin-1', { roles: ['origin'], region: 'us' });
  const nodes = [owner, edge(before), edge(behind), edge('far', { region: 'us' })];
  const situation = { record: followed, nodes, shield: 'auto' } as const;

  it('the shield is asked first, also while the owner fails, and peers of that region before those of the own', () => {
    expect(chosen(situation)).toEqual([
      `shield ${before}`,
      'owner origin-1',
      'standby origin-2',
      'peer far',
      `peer ${before}`,
    ]);
    expect(chosen(situation, 'origin-1')[0]).toBe(`shield ${before}`);
  });

  it('a shield that failed is passed over', () => {
    expect(chosen(situation, before)).toEqual([
      'owner origin-1',
      'standby origin-2',
      'peer far',
      `peer ${behind}`,
    ]);
  });
});

describe('among peers that are as near', () => {
  const nodes = Array.from({ length: 10 }, (_, index) => edge(`edge-${String(index + 2)}`));
  const streams = Array.from({ length: 200 }, (_, index) => parseStreamKey(`live/cam${String(index)}`));
  const first = (stream: StreamRecord['stream'], among: readonly NodeRecord[], asking = self): string =>
    chosen({ record: { ...record, stream }, nodes: among, self: asking })[1] ?? '';

  it('every edge chooses the same, whatever order it knows them in', () => {
    for (const stream of streams) {
      const asking = { ...self, nodeId: 'edge-99' };
      expect(first(stream, nodes.toReversed(), asking)).toBe(first(stream, nodes));
    }
  });

  it('streams are spread over all, and a node that leaves moves its own only', () => {
    const before = streams.map((stream) => first(stream, nodes));
    expect(new Set(before).size).toBe(10);
    const after = streams.map((stream) => first(stream, nodes.slice(1)));
    for (const [index, choice] of before.entries()) {
      if (choice !== 'peer edge-2') expect(after[index]).toBe(choice);
    }
  });
});
