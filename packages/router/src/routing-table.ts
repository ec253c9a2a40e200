// Everything that is known about the edges at one moment, arranged for choosing: the edges of each zone, and for each zone
// from which a viewer asked the tiers of edges around it.
import type { NodeRecord } from '@headwater/cluster';
import { leastRoundTripMs } from './geo-distance.ts';
import { routedEdge, type RoutedEdge } from './routed-edge.ts';
import { tiersFrom, type EdgeZone, type Tier } from './tiers.ts';
import { zoneKey, type Zone } from './zone.ts';

/** What a table is made of. */
export interface RoutingTableParts {
  readonly nodes: readonly NodeRecord[];
  /** Viewers that were sent to a node since its last report. */
  readonly sent: (nodeId: string) => number;
  readonly zone: (name: string, region: string | undefined) => Zone;
  /** Estimated round trip between two nodes; undefined where it is not known. */
  readonly roundTripMs: (fromNodeId: string, toNodeId: string) => number | undefined;
}

// Of so many nodes of each zone the distances are looked at.
const samples = 3;

/** The edges at one moment. Their loads go on counting. */
export class RoutingTable {
  readonly edges: readonly RoutedEdge[];
  readonly #parts: RoutingTableParts;
  readonly #zones = new Map<string, EdgeZone & { readonly edges: RoutedEdge[] }>();
  readonly #samples = new Map<string, string[]>();
  readonly #tiers = new Map<string, readonly Tier[]>();

  constructor(parts: RoutingTableParts) {
    this.#parts = parts;
    const edges: RoutedEdge[] = [];
    for (const node of parts.nodes) {
      this.#sample(node);
      if (!node.roles.includes('edge')) continue;
      const edge = routedEdge(node, parts.sent(node.nodeId));
      edges.push(edge);
      this.#add(edge);
    }
    this.edges = edges;
  }

  /** The tiers as seen from a zone, the nearest first; made once. */
  tiers(home: Zone): readonly Tier[] {
    const key = zoneKey(home.region, home.name);
    const known = this.#tiers.get(key);
    if (known !== undefined) return known;
    const made = tiersFrom(home, [...this.#zones.values()], (to) => this.#distanceMs(home, to));
    this.#tiers.set(key, made);
    return made;
  }

  #sample({ region, zone, nodeId }: NodeRecord): void {
    const key = zoneKey(region, zone);
    const sampled = this.#samples.get(key) ?? [];
    if (sampled.length < samples) sampled.push(nodeId);
    this.#samples.set(key, sampled);
  }

  #add(edge: RoutedEdge): void {
    const { zone: name, region } = edge.node;
    const key = zoneKey(region, name);
    const entry = this.#zones.get(key) ?? { zone: this.#parts.zone(name, region), edges: [] };
    entry.edges.push(edge);
    this.#zones.set(key, entry);
  }

  #distanceMs(from: Zone, to: Zone): number | undefined {
    const measured: number[] = [];
    for (const fromId of this.#samples.get(zoneKey(from.region, from.name)) ?? []) {
      for (const toId of this.#samples.get(zoneKey(to.region, to.name)) ?? []) {
        const distance = this.#parts.roundTripMs(fromId, toId);
        if (distance !== undefined) measured.push(distance);
      }
    }
    if (measured.length > 0) return measured.sort((a, b) => a - b)[Math.floor(measured.length / 2)];
    if (from.coordinates === undefined || to.coordinates === undefined) return undefined;
    return leastRoundTripMs(from.coordinates, to.coordinates);
  }
}
