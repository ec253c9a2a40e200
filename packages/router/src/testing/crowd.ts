// A crowd of viewers with the skew of real audiences, sent one after the other to the edges of several regions. All of it
// follows from the seed.
import type { NodeRecord } from '@headwater/cluster';
import { streamKey, type StreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { EdgeChoice } from '../edge-choice.ts';
import type { ChoiceRules } from '../pool-choice.ts';
import type { ViewerPlace } from '../viewer-place.ts';
import { edgeNode } from './edge-node.ts';

/** A crowd and the cluster that it meets. */
export interface CrowdOptions {
  readonly viewers: number;
  readonly streams: number;
  /** Exponent of Zipf's law: the share of the n-th stream is proportional to n to the minus this. */
  readonly skew: number;
  readonly rules: ChoiceRules;
  readonly nodes: readonly NodeRecord[];
  /** Viewers between two reports of all edges. */
  readonly reportEach: number;
  readonly seed: number;
}

/** The part of all edges, and of all viewers, that a region has; each has three zones, and a zone of the first too many viewers. */
const regionShares = [0.4, 0.24, 0.16, 0.12, 0.08] as const;
const zones = ['a', 'b', 'c'] as const;

/** So many edges over five regions of three zones; every fourth may have twice the viewers. */
export function edgesOfFiveRegions(count: number): NodeRecord[] {
  return regionShares.flatMap((share, region) =>
    Array.from({ length: Math.round(count * share) }, (_, index) =>
      edgeNode(`r${region}-${zones[index % 3] ?? ''}-${index}`, {
        region: `r${region}`,
        zone: zones[index % 3] ?? '',
        coordinates: { latitude: region * 10, longitude: region * 20 + (index % 3) },
        capacity: { viewers: index % 12 < 3 ? 8_000 : 4_000, egressBitsPerSecond: 0 },
      }),
    ),
  );
}

/** The crowd, each of its viewers where it was sent. */
export class Crowd {
  readonly choice: EdgeChoice;
  /** By viewer: the index of its stream, of its zone, and of its edge; -1 for those who got none. */
  readonly streamOf: Uint32Array;
  readonly zoneOf: Uint8Array;
  readonly edgeOf: Int32Array;
  readonly #options: CrowdOptions;
  readonly #random: () => number;
  readonly #streams: readonly StreamKey[];
  readonly #places: readonly ViewerPlace[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #alive: Set<string>;
  #nodes: readonly NodeRecord[];
  #reports = 0;

  constructor(options: CrowdOptions) {
    const { viewers, nodes, rules, streams, seed } = options;
    this.#options = options;
    this.#random = randomOf(seed);
    this.#nodes = nodes;
    this.#alive = new Set(nodes.map(({ nodeId }) => nodeId));
    this.#index = new Map(nodes.map(({ nodeId }, index) => [nodeId, index]));
    this.#streams = Array.from({ length: streams }, (_, index) => streamKey('live', `stream-${index}`));
    this.#places = regionShares.flatMap((_, region) =>
      zones.map((zone) => ({ source: 'network' as const, zone, region: `r${region}` })),
    );
    this.streamOf = new Uint32Array(viewers);
    this.zoneOf = new Uint8Array(viewers);
    this.edgeOf = new Int32Array(viewers).fill(-1);
    this.choice = new EdgeChoice({
      clock: new ManualClock(),
      rules,
      home: { zone: 'a', region: 'r0' },
      nodes: () => this.#nodes,
    });
  }

  /** Everybody comes. */
  arrive(): void {
    const streams = zipf(this.#options.streams, this.#options.skew);
    const places = cumulated(
      regionShares.flatMap((share, region) =>
        zones.map((_, zone) => share * (region === 0 && zone === 0 ? 3 : 1)),
      ),
    );
    for (let viewer = 0; viewer < this.#options.viewers; viewer++) {
      this.streamOf[viewer] = drawn(streams, this.#random());
      this.zoneOf[viewer] = drawn(places, this.#random());
      this.send(viewer);
      if (viewer % this.#options.reportEach === 0) this.report();
    }
    this.report();
  }

  /** One viewer asks, and goes where it is sent. */
  send(viewer: number): void {
    const stream = this.#streams[this.streamOf[viewer] ?? 0];
    const place = this.#places[this.zoneOf[viewer] ?? 0];
    if (stream === undefined || place === undefined) throw new Error(`viewer ${viewer} wants nothing`);
    const chosen = this.choice.choose({ stream, protocol: 'flv', place });
    this.edgeOf[viewer] = chosen === undefined ? -1 : (this.#index.get(chosen.edge.node.nodeId) ?? -1);
  }

  /** All edges that live report how many viewers they have. */
  report(): void {
    const counts = this.loads();
    this.#reports++;
    this.#nodes = this.#options.nodes
      .filter(({ nodeId }) => this.#alive.has(nodeId))
      .map((node) => ({
        ...node,
        load: { ...node.load, viewers: counts[this.#index.get(node.nodeId) ?? -1] ?? 0, cpu: this.#reports },
      }));
  }

  /** An edge dies. Resolves with its viewers, who have nobody now. */
  kill(edge: number): readonly number[] {
    this.#alive.delete(this.#options.nodes[edge]?.nodeId ?? '');
    const orphans: number[] = [];
    for (const [viewer, at] of this.edgeOf.entries()) if (at === edge) orphans.push(viewer);
    for (const viewer of orphans) this.edgeOf[viewer] = -1;
    this.report();
    return orphans;
  }

  /** Viewers by edge. */
  loads(): Uint32Array {
    const counts = new Uint32Array(this.#options.nodes.length);
    for (const edge of this.edgeOf) if (edge >= 0) counts[edge] = (counts[edge] ?? 0) + 1;
    return counts;
  }

  /** For each zone that edges are in, how full its fullest edge is over how full the zone is. */
  imbalances(): number[] {
    const counts = this.loads();
    const byZone = new Map<string, { viewers: number; capacity: number; fullest: number }>();
    for (const [index, { zone, region, nodeId, capacity }] of this.#options.nodes.entries()) {
      if (!this.#alive.has(nodeId)) continue;
      const key = `${region}/${zone}`;
      const sum = byZone.get(key) ?? { viewers: 0, capacity: 0, fullest: 0 };
      const [viewers, room] = [counts[index] ?? 0, capacity?.viewers ?? 1];
      sum.viewers += viewers;
      sum.capacity += room;
      sum.fullest = Math.max(sum.fullest, viewers / room);
      byZone.set(key, sum);
    }
    return Array.from(byZone.values(), ({ viewers, capacity, fullest }) => fullest / (viewers / capacity));
  }

  /** How many pulls the origins serve: pairs of a stream and an edge that has viewers of it. */
  pulls(): number {
    const edges = this.#options.nodes.length;
    const pairs = new Set<number>();
    for (const [viewer, edge] of this.edgeOf.entries()) {
      if (edge >= 0) pairs.add((this.streamOf[viewer] ?? 0) * edges + edge);
    }
    return pairs.size;
  }
}

/** How many pulls there would be were each viewer sent to an edge of its zone drawn by lot, as DNS or a plain balancer does. */
export function pullsByLot(crowd: Crowd, nodes: readonly NodeRecord[], seed: number): number {
  const random = randomOf(seed);
  const places = regionShares.flatMap((_, region) => zones.map((zone) => `r${region}/${zone}`));
  const edges = places.map((place) =>
    nodes.flatMap(({ region, zone }, index) => (`${region}/${zone}` === place ? [index] : [])),
  );
  const pairs = new Set<number>();
  for (const [viewer, stream] of crowd.streamOf.entries()) {
    const pool = edges[crowd.zoneOf[viewer] ?? 0] ?? [];
    pairs.add(stream * nodes.length + (pool[Math.floor(random() * pool.length)] ?? 0));
  }
  return pairs.size;
}

function zipf(count: number, exponent: number): Float64Array {
  return cumulated(Array.from({ length: count }, (_, index) => (index + 1) ** -exponent));
}

function cumulated(weights: readonly number[]): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (const [index, weight] of weights.entries()) sums[index] = sum += weight;
  return sums.map((value) => value / sum);
}

// The first whose cumulated share is above a number from 0 to 1.
function drawn(shares: Float64Array, number: number): number {
  let [low, high] = [0, shares.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shares[middle] ?? 1) > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

// Mulberry32.
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
