import type { NodeRecord } from '@headwater/cluster';
import { streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EdgeChoice, type EdgeChoiceOptions, type ViewerAsk } from './edge-choice.ts';
import { alternativesOf } from './explanation.ts';
import type { RoutedEdge } from './routed-edge.ts';
import { edgeNode } from './testing/edge-node.ts';

const rules = { balance: 0.25, spreadFrom: 0.01, fullAt: 0.9 };
const home = { zone: 'a', region: 'r' };
const berlin = { latitude: 52.5, longitude: 13.4 };
const paris = { latitude: 48.9, longitude: 2.4 };
const sydney = { latitude: -33.9, longitude: 151.2 };

/** A choice over nodes that a test can replace. */
function choiceOver(nodes: readonly NodeRecord[], over: Partial<EdgeChoiceOptions> = {}) {
  const clock = new ManualClock();
  let listed = nodes;
  const choice = new EdgeChoice({ clock, rules, home, nodes: () => listed, ...over });
  return {
    choice,
    clock,
    list: (next: readonly NodeRecord[]) => {
      listed = next;
    },
  };
}

function ask(name: string, over: Partial<ViewerAsk> = {}): ViewerAsk {
  return {
    stream: streamKey('live', name),
    protocol: 'flv',
    place: { source: 'router', ...home },
    ...over,
  };
}

function at(zone: string, region: string | undefined = 'r'): Pick<ViewerAsk, 'place'> {
  return { place: { source: 'network', zone, region } };
}

function chosenId(choice: EdgeChoice, viewer: ViewerAsk): string | undefined {
  return choice.choose(viewer)?.edge.node.nodeId;
}

/** Where each of so many viewers of a stream goes, counted. */
function tally(choice: EdgeChoice, viewers: number, viewer: ViewerAsk): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let index = 0; index < viewers; index++) {
    const id = chosenId(choice, viewer) ?? 'nobody';
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

describe('an edge is chosen', () => {
  it("in the viewer's zone, else in its region, else in the nearest other region", () => {
    const nodes = [
      edgeNode('a1'),
      edgeNode('b1', { zone: 'b' }),
      edgeNode('far', { zone: 'a', region: 's', coordinates: sydney }),
      edgeNode('near', { zone: 'c', region: 'q', coordinates: paris }),
      edgeNode('origin', { roles: ['origin'], coordinates: berlin }),
    ];
    const { choice, list } = choiceOver(nodes);
    expect(chosenId(choice, ask('x'))).toBe('a1');
    expect(chosenId(choice, ask('x', at('b')))).toBe('b1');
    list(nodes.slice(1));
    expect(chosenId(choice, ask('x'))).toBe('b1');
    list(nodes.slice(2));
    expect(choice.explain(ask('x')).chosen?.nearness).toBe('distance');
    expect(chosenId(choice, ask('x'))).toBe('near');
    list(nodes.slice(2, 3));
    expect(chosenId(choice, ask('x'))).toBe('far');
    list([]);
    expect(chosenId(choice, ask('x'))).toBeUndefined();
    expect(choice.explain(ask('x')).reason).toBe('no edge is known');
  });

  it('of the zone that is nearest to a point, and of the next one once that zone is lost', () => {
    const inSydney = edgeNode('s1', { zone: 's', region: 'au', coordinates: sydney });
    const inParis = edgeNode('p1', { zone: 'p', region: 'fr', coordinates: paris });
    const inBerlin = edgeNode('b1', { zone: 'b', region: 'de', coordinates: berlin });
    const { choice, list } = choiceOver([inSydney, inParis, inBerlin]);
    const hamburg = { source: 'database', coordinates: { latitude: 53.6, longitude: 10 } } as const;
    expect(chosenId(choice, ask('x', { place: hamburg }))).toBe('b1');
    list([inSydney, inParis]);
    expect(chosenId(choice, ask('x', { place: hamburg }))).toBe('p1');
    expect(choice.explain(ask('x', { place: hamburg })).zone.name).toBe('b');
  });

  it('in all zones of the region alike where nobody knows which is nearer', () => {
    const { choice } = choiceOver([edgeNode('b1', { zone: 'b' }), edgeNode('c1', { zone: 'c' })]);
    const used = new Set(Array.from({ length: 40 }, (_, index) => chosenId(choice, ask(`s${index}`))));
    expect([...used].sort()).toEqual(['b1', 'c1']);
  });

  it('where the router is when nothing in the cluster says where it stands', () => {
    const { choice } = choiceOver([edgeNode('a1'), edgeNode('b1', { zone: 'b' })]);
    const place = { source: 'database', coordinates: berlin } as const;
    expect(chosenId(choice, ask('x', { place }))).toBe('a1');
  });

  it('by measured round trips before what the map says', () => {
    const nodes = [
      edgeNode('a1', { isDraining: true, coordinates: berlin }),
      edgeNode('p1', { zone: 'p', region: 'fr', coordinates: paris }),
      edgeNode('s1', { zone: 's', region: 'au', coordinates: sydney }),
    ];
    const roundTripMs = (_from: string, to: string): number | undefined => (to === 's1' ? 2 : undefined);
    expect(chosenId(choiceOver(nodes).choice, ask('x'))).toBe('p1');
    expect(chosenId(choiceOver(nodes, { roundTripMs }).choice, ask('x'))).toBe('s1');
  });

  it('in the only zone of that name where a viewer has no region, and anywhere where there are two', () => {
    const nodes = [
      edgeNode('1', { zone: 'x' }),
      edgeNode('2', { zone: 'y' }),
      edgeNode('3', { zone: 'y', region: 's' }),
    ];
    const { choice } = choiceOver(nodes);
    expect(choice.explain(ask('x', at('x', undefined))).zone.region).toBe('r');
    expect(
      choice.explain(ask('x', { place: { source: 'network', zone: 'y', region: undefined } })).zone.region,
    ).toBeUndefined();
  });

  it('only when it takes viewers, and the explanation says why others do not', () => {
    const nodes = [
      edgeNode('1', { isDraining: true }),
      edgeNode('2', { load: { overload: 'event loop lag' } }),
      edgeNode('3', { addresses: { rtmp: 'h:1' } }),
      edgeNode('4', { load: { viewers: 900 } }),
      edgeNode('5', {
        capacity: { viewers: 100, egressBitsPerSecond: 1e6 },
        load: { egressBitsPerSecond: 9e5 },
      }),
      edgeNode('6', { load: { viewers: 899 } }),
    ];
    const { choice, list } = choiceOver(nodes);
    const said = Object.fromEntries(
      choice.explain(ask('x')).candidates.map(({ edge, why }) => [edge.node.nodeId, why]),
    );
    expect(said).toMatchObject({
      1: 'is draining',
      2: 'turns newcomers away: event loop lag',
      3: 'has no address for flv',
      4: 'is full: 900 of 1000 viewers',
      5: 'is full: 90 of 100 viewers',
    });
    expect(chosenId(choice, ask('x'))).toBe('6');
    list([...nodes.slice(0, 5), edgeNode('6', { load: { viewers: 900 } })]);
    expect(chosenId(choice, ask('x'))).toBeUndefined();
    expect(choice.explain(ask('x')).reason).toBe('none of 6 edges takes viewers');
    expect(chosenId(choice, ask('x', { protocol: 'rtmp' }))).toBe('3');
  });
});

describe('the viewers of one zone', () => {
  const nodes = ['1', '2', '3', '4'].map((id) => edgeNode(id));

  it('stay together by stream while they are few, and different streams use all edges', () => {
    const { choice } = choiceOver(nodes);
    expect(Object.values(tally(choice, 10, ask('x')))).toEqual([10]);
    const used = new Set(Array.from({ length: 40 }, (_, index) => chosenId(choice, ask(`stream-${index}`))));
    expect(used.size).toBe(4);
  });

  it('of one stream fill its first edge to its share, then its second, and none beyond', () => {
    const { choice } = choiceOver(nodes);
    const counts = Object.values(tally(choice, 400, ask('x')));
    expect(Math.max(...counts)).toBeLessThanOrEqual(126);
    expect(counts).toHaveLength(4);
  });

  it('go to edges in proportion to what these may have', () => {
    const { choice } = choiceOver([
      edgeNode('small', { capacity: { viewers: 100, egressBitsPerSecond: 0 } }),
      edgeNode('large', { capacity: { viewers: 900, egressBitsPerSecond: 0 } }),
    ]);
    let small = 0;
    for (let index = 0; index < 500; index++) if (chosenId(choice, ask(`s${index}`)) === 'small') small++;
    expect(small).toBeGreaterThan(25);
    expect(small).toBeLessThan(75);
  });

  it('find an edge in their zone also where edges are small and the load of each is a fraction', () => {
    const small = {
      capacity: { viewers: 10, egressBitsPerSecond: 1_000 },
      load: { egressBitsPerSecond: 50 },
    };
    const nodes = [...['1', '2', '3', '4'].map((id) => edgeNode(id, small)), edgeNode('b', { zone: 'b' })];
    expect(choiceOver(nodes).choice.explain(ask('x')).chosen?.nearness).toBe('zone');
  });

  it('go to the next nearest zone when theirs is full', () => {
    const tiny = { capacity: { viewers: 10, egressBitsPerSecond: 0 } };
    const { choice } = choiceOver([edgeNode('1', tiny), edgeNode('2', tiny), edgeNode('b', { zone: 'b' })]);
    expect(tally(choice, 30, ask('x'))).toEqual({ 1: 9, 2: 9, b: 12 });
  });
});

describe('what was sent since the last report', () => {
  const pair = (viewers: number, cpu: number): NodeRecord[] =>
    ['1', '2'].map((id) => edgeNode(id, { load: { viewers, cpu } }));

  it('counts, so that a burst does not all go to one edge', () => {
    const { choice } = choiceOver(pair(0, 0));
    const counts = Object.values(tally(choice, 200, ask('x')));
    expect(Math.max(...counts)).toBeLessThanOrEqual(126);
  });

  it('is forgotten at the second report after it, or after two turns without any', () => {
    const { choice, list, clock } = choiceOver(pair(0, 0));
    const loads = (): number => choice.edges.reduce((sum, { load }) => sum + load, 0);
    tally(choice, 100, ask('x'));
    list(pair(0, 0.1));
    expect(loads()).toBe(100);
    list(pair(50, 0.2));
    expect(loads()).toBe(100);
    tally(choice, 10, ask('x'));
    clock.advance(10_000);
    expect(loads()).toBe(110);
    clock.advance(10_000);
    expect(loads()).toBe(100);
  });

  it('leaves nobody without an edge: when all would be full by it, they are filled by their own reports alone', () => {
    const ten = { capacity: { viewers: 10, egressBitsPerSecond: 0 } };
    const nodes = [edgeNode('1', ten), edgeNode('2', ten), edgeNode('b', { zone: 'b', ...ten })];
    const { choice, list } = choiceOver(nodes);
    expect(tally(choice, 27, ask('x'))).toEqual({ 1: 9, 2: 9, b: 9 });
    const why = choice.explain(ask('x')).chosen?.why;
    expect(why).toMatch(/reports 0 of 10 viewers; all edges would be full if everybody/);
    // Nearest first, and spread there as ever.
    expect(Object.keys(tally(choice, 20, ask('x'))).sort()).toEqual(['1', '2']);
    list([...nodes.slice(0, 2).map((node) => ({ ...node, load: { ...node.load, viewers: 9 } })), nodes[2]!]);
    expect(tally(choice, 5, ask('x'))).toEqual({ b: 5 });
    list(nodes.map((node) => ({ ...node, load: { ...node.load, viewers: 9 } })));
    expect(chosenId(choice, ask('x'))).toBeUndefined();
    expect(choice.explain(ask('x')).candidates.map(({ verdict }) => verdict)).toEqual([
      'full',
      'full',
      'full',
    ]);
  });

  it('is nothing to another run of the edge', () => {
    const { choice, list } = choiceOver(pair(0, 0));
    tally(choice, 100, ask('x'));
    list(['1', '2'].map((id) => edgeNode(id, { incarnation: 'run 2' })));
    expect(choice.edges.map(({ load }) => load)).toEqual([0, 0]);
  });
});

describe('when an edge is gone', () => {
  it('only the streams that it had move, while no edge is at its share', () => {
    const nodes = Array.from({ length: 20 }, (_, index) => edgeNode(`edge-${index}`));
    const { choice, list } = choiceOver(nodes, { rules: { ...rules, spreadFrom: 1 } });
    const keys = Array.from({ length: 2_000 }, (_, index) => ask(`s${index}`));
    const before = keys.map((viewer) => chosenId(choice, viewer));
    list(nodes.filter(({ nodeId }) => nodeId !== 'edge-7'));
    const after = keys.map((viewer) => chosenId(choice, viewer));
    const moved = before.filter((id, index) => id !== after[index]);
    expect(new Set(moved)).toEqual(new Set(['edge-7']));
    expect(moved.length).toBeGreaterThan(50);
  });
});

describe('an explanation', () => {
  const place = fc.constantFrom('a', 'b', 'c', 'nowhere');
  const node = fc.record({
    zone: fc.constantFrom('a', 'b', 'c'),
    region: fc.constantFrom('r', 's'),
    isDraining: fc.boolean(),
    load: fc.record({ viewers: fc.nat(20), egressBitsPerSecond: fc.nat(1_000) }),
    capacity: fc.record({ viewers: fc.nat(20), egressBitsPerSecond: fc.constantFrom(0, 1_000) }),
  });
  const isOpenBy = ({ node, reported, capacity }: RoutedEdge): boolean =>
    !node.isDraining && reported + 1 <= rules.fullAt * capacity;

  it('always names what is chosen, and never two, however many come; the edges may be listed in any order', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 12 }), place, fc.nat(60), (nodes, zone, viewers) => {
        const listed = nodes.map((changes, index) => edgeNode(`n${index}`, changes));
        const { choice } = choiceOver(listed);
        const { choice: other } = choiceOver([...listed].reverse());
        for (let index = 0; index <= viewers; index++) {
          const viewer = ask(`s${index % 3}`, at(zone));
          const explanation = choice.explain(viewer);
          const taken = explanation.candidates.filter(({ verdict }) => verdict === 'chosen');
          expect(taken.length).toBeLessThanOrEqual(1);
          expect(explanation.candidates).toHaveLength(nodes.length);
          expect(taken[0]).toBe(explanation.chosen);
          expect(taken.length === 1).toBe(choice.edges.some(isOpenBy));
          expect(chosenId(other, viewer)).toBe(taken[0]?.edge.node.nodeId);
          expect(chosenId(choice, viewer)).toBe(taken[0]?.edge.node.nodeId);
        }
      }),
    );
  });

  it('has the alternatives in the order in which they would be taken', () => {
    const nodes = [...['1', '2', '3'].map((id) => edgeNode(id)), edgeNode('b', { zone: 'b' })];
    const { choice } = choiceOver(nodes);
    const first = choice.explain(ask('x'));
    const others = alternativesOf(first, 'flv').map(({ edge }) => edge.node.nodeId);
    expect(others).toHaveLength(3);
    const gone = first.chosen?.edge.node.nodeId;
    const next = choiceOver(nodes.filter(({ nodeId }) => nodeId !== gone)).choice;
    expect(chosenId(next, ask('x'))).toBe(others[0]);
  });
});
