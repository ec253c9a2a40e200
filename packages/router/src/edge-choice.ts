// From where a viewer is to one edge.
import type { NodeRecord } from '@headwater/cluster';
import type { Clock, StreamKey } from '@headwater/contracts';
import type { ViewerProtocol } from './edge-url.ts';
import { explained, type Explanation } from './explanation.ts';
import { KnownZones } from './known-zones.ts';
import { chooseInPool, fullByInTurn, type ChoiceRules } from './pool-choice.ts';
import { hashText } from './rendezvous.ts';
import type { RoutedEdge } from './routed-edge.ts';
import { RoutingTable } from './routing-table.ts';
import { SentViewers } from './sent-viewers.ts';
import type { Tier } from './tiers.ts';
import type { ViewerPlace } from './viewer-place.ts';
import type { Zone } from './zone.ts';

/** What an edge choice needs. */
export interface EdgeChoiceOptions {
  readonly clock: Clock;
  readonly rules: ChoiceRules;
  /** Where the router runs: the place of viewers of which nothing is known. */
  readonly home: { readonly zone: string; readonly region: string };
  /** The last known nodes; another array whenever something has changed. */
  readonly nodes: () => readonly NodeRecord[];
  readonly roundTripMs?: (fromNodeId: string, toNodeId: string) => number | undefined;
  /** Told of each new table. */
  readonly onTable?: (edges: readonly RoutedEdge[]) => void;
}

/** A viewer that is to be sent somewhere. */
export interface ViewerAsk {
  readonly stream: StreamKey;
  readonly protocol: ViewerProtocol;
  readonly place: ViewerPlace;
}

/** The edge that a viewer gets, and how near that is. */
export interface ChosenEdge {
  readonly edge: RoutedEdge;
  readonly tier: Tier;
}

// Without news of the nodes the counts of viewers sent have to be turned all the same.
const maxTableAgeMs = 5_000;

/** Chooses edges: the same for the same ask, nodes and counts. */
export class EdgeChoice {
  readonly #options: EdgeChoiceOptions;
  readonly #zones = new KnownZones();
  readonly #sent = new SentViewers();
  #nodes: readonly NodeRecord[] | undefined;
  #table: RoutingTable | undefined;
  #madeMs = 0;

  constructor(options: EdgeChoiceOptions) {
    this.#options = options;
  }

  /** All edges as they are known now. */
  get edges(): readonly RoutedEdge[] {
    return this.#current().edges;
  }

  /** Takes in the newest nodes, as every choice does. */
  refresh(): void {
    this.#current();
  }

  /** The edge for a viewer, which counts as sent there; undefined when none takes it. */
  choose(ask: ViewerAsk): ChosenEdge | undefined {
    const chosen = this.find(ask);
    if (chosen === undefined) return undefined;
    chosen.edge.load++;
    this.#sent.add(chosen.edge.node.nodeId);
    return chosen;
  }

  /** The edge that a viewer would get. Counts nobody. */
  find(ask: ViewerAsk): ChosenEdge | undefined {
    const streamHash = hashText(ask.stream);
    const tiers = this.#tiersOf(ask.place);
    for (const fullBy of fullByInTurn) {
      const asked = { streamHash, protocol: ask.protocol, fullBy };
      for (const tier of tiers) {
        const edge = chooseInPool(tier.edges, asked, this.#options.rules);
        if (edge !== undefined) return { edge, tier };
      }
    }
    return undefined;
  }

  /** The same choice with every edge that was looked at, and why it was or was not taken. Counts nothing. */
  explain(ask: ViewerAsk): Explanation {
    const zone = this.zoneOf(ask.place);
    const tiers = this.#current().tiers(zone);
    const streamHash = hashText(ask.stream);
    return explained({ zone, tiers, streamHash, protocol: ask.protocol, rules: this.#options.rules });
  }

  /** The zone that a place counts as. */
  zoneOf(place: ViewerPlace): Zone {
    this.#current();
    if ('zone' in place) return this.#zones.zone(place.zone, place.region);
    const { zone, region } = this.#options.home;
    return this.#zones.nearest(place.coordinates) ?? this.#zones.zone(zone, region);
  }

  #tiersOf(place: ViewerPlace): readonly Tier[] {
    const table = this.#current();
    return table.tiers(this.zoneOf(place));
  }

  #current(): RoutingTable {
    const { clock, nodes, onTable, roundTripMs = () => undefined } = this.#options;
    const listed = nodes();
    const nowMs = clock.nowMs();
    const isFresh = listed === this.#nodes && nowMs - this.#madeMs < maxTableAgeMs;
    if (this.#table !== undefined && isFresh) return this.#table;
    this.#nodes = listed;
    this.#madeMs = nowMs;
    this.#zones.learn(listed);
    this.#sent.turn(
      listed.filter(({ roles }) => roles.includes('edge')),
      nowMs,
    );
    this.#table = new RoutingTable({
      nodes: listed,
      sent: (nodeId) => this.#sent.count(nodeId),
      zone: (name, region) => this.#zones.zone(name, region),
      roundTripMs,
    });
    onTable?.(this.#table.edges);
    return this.#table;
  }
}
