// A router: takes what a viewer asks for and says where to go, as a redirect, as JSON with the reason, or as a manifest that
// steers HLS players. It serves no media, so losing it cuts nobody off.
import {
  AppError,
  toAppError,
  type Clock,
  type Metrics,
  type RouteExplanationView,
  type RouteView,
  type StreamKey,
} from '@headwater/contracts';
import { EdgeChoice, type ChosenEdge, type EdgeChoiceOptions, type ViewerAsk } from './edge-choice.ts';
import { baseOf, streamUrl, type ViewerProtocol } from './edge-url.ts';
import { alternativesOf, type Candidate, type Explanation } from './explanation.ts';
import { hopsOf, passedQuery } from './passed-query.ts';
import { protocolOf, streamOf, type RouteTarget } from './route-target.ts';
import { RouterMetrics } from './router-metrics.ts';
import { steeringManifest, type SteeringManifest } from './steering.ts';
import type { ViewerLocator } from './viewer-locator.ts';

/** What a router is made of. */
export interface RouterOptions extends Omit<EdgeChoiceOptions, 'onTable'> {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly locator: ViewerLocator;
  readonly apps: readonly string[];
  readonly steeringTtlMs: number;
}

/** Somebody who asks: the address of the peer, and what that says of whom it speaks for. */
export interface Client {
  readonly peer: string;
  readonly forwardedFor?: string | undefined;
  /** False for somebody who only wants to know, and is counted nowhere. */
  readonly isViewer: boolean;
}

/** A redirect that comes back this often is given up. */
const maxHops = 3;
const maxAlternatives = 3;
const maxPathways = 4;
const maxCandidates = 100;
// What only the router reads.
const ownParameters = ['hop', 'protocol', '_HLS_pathway', '_HLS_throughput'];

/** Answers viewers. All answers throw `AppError`s of the catalogue. */
export class Router {
  readonly #options: RouterOptions;
  readonly #choice: EdgeChoice;
  readonly #metrics: RouterMetrics;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#metrics = new RouterMetrics(options.metrics);
    this.#choice = new EdgeChoice({
      ...options,
      onTable: (edges) => this.#metrics.knows(edges, options.rules.fullAt),
    });
  }

  /** Takes in the newest membership, so that the figures show it before anybody asks. */
  refresh(): void {
    this.#choice.refresh();
  }

  /** The URL that a viewer is redirected to. */
  redirect(target: RouteTarget, client: Client, protocol: ViewerProtocol = target.protocol): string {
    return this.#counted(client, () => {
      const hops = hopsOf(target.query);
      const stream = streamOf(target, this.#options.apps);
      if (hops >= maxHops) throw new AppError('redirect_loop', { details: { hops } });
      const ask = this.#ask(stream, protocol, client);
      const { edge } = this.#taken(ask, client);
      const query = passedQuery(target.query, { without: ownParameters, and: { hop: String(hops + 1) } });
      return streamUrl(baseOf(edge.bases, protocol) ?? '', ask, query);
    });
  }

  /** The choice as a player wants it that does not follow redirects. A viewer counts. */
  route(target: RouteTarget, client: Client): RouteView {
    return this.#counted(client, () => {
      const protocol = protocolOf(target.query);
      const ask = this.#ask(streamOf(target, this.#options.apps), protocol, client);
      const explanation = this.#chosen(ask, client);
      const query = passedQuery(target.query, { without: ownParameters });
      const shown = (candidate: Candidate) => destination(candidate, ask, query);
      const others = alternativesOf(explanation, protocol).slice(0, maxAlternatives);
      return {
        ...shown(explanation.chosen),
        reason: explanation.reason,
        alternatives: others.map(shown),
      };
    });
  }

  /** Where an HLS player should load from. One that is at an edge that takes viewers and is as near as another stays there. */
  steering(target: RouteTarget, client: Client): SteeringManifest {
    return this.#counted(client, () => {
      const ask = this.#ask(streamOf(target, this.#options.apps), 'hls', client);
      const current = new URLSearchParams(target.query).get('_HLS_pathway') ?? '';
      const explanation = this.#choice.explain(ask);
      const { chosen, candidates } = explanation;
      if (chosen === undefined) throw this.#noEdge(ask);
      const stays = candidates.find(({ edge, tier, verdict }) => {
        return edge.node.nodeId === current && tier <= chosen.tier && !hasToLeave.includes(verdict);
      });
      const first = stays ?? this.#chosen(ask, client).chosen;
      if (stays !== undefined && client.isViewer) this.#metrics.decided(stays.nearness);
      const ordered = [first, chosen, ...alternativesOf(explanation, 'hls')];
      const pathways = new Map(
        ordered.map(({ edge }) => [edge.node.nodeId, baseOf(edge.bases, 'hls') ?? '']),
      );
      const query = passedQuery(target.query, { without: ownParameters });
      return steeringManifest({
        pathways: Array.from(pathways, ([id, base]) => ({ id, base })).slice(0, maxPathways),
        current,
        ttlMs: this.#options.steeringTtlMs,
        reloadUri: `/steering/${target.app}/${target.name}.json${query === '' ? '' : `?${query}`}`,
      });
    });
  }

  /** What would be chosen for somebody at an address, with all reasons. Counts nobody. */
  explain(stream: StreamKey, protocol: ViewerProtocol, address: string): RouteExplanationView {
    const place = this.#options.locator.placeOf(address);
    const ask = { stream, protocol, place };
    const { zone, chosen, reason, candidates } = this.#choice.explain(ask);
    return {
      stream,
      protocol,
      viewer: {
        address,
        source: place.source,
        zone: zone.name,
        ...(zone.region === undefined ? {} : { region: zone.region }),
        ...('coordinates' in place ? { coordinates: place.coordinates } : {}),
      },
      ...(chosen === undefined ? {} : { chosen: destination(chosen, ask, '') }),
      reason,
      candidates: candidates.slice(0, maxCandidates).map(candidateView),
      edges: candidates.length,
    };
  }

  #ask(stream: StreamKey, protocol: ViewerProtocol, client: Client): ViewerAsk {
    const { locator } = this.#options;
    const address = locator.clientOf(client.peer, client.forwardedFor);
    const place = client.isViewer ? locator.locate(address) : locator.placeOf(address);
    return { stream, protocol, place };
  }

  #taken(ask: ViewerAsk, { isViewer }: Client): ChosenEdge {
    const taken = isViewer ? this.#choice.choose(ask) : this.#choice.find(ask);
    if (taken === undefined) throw this.#noEdge(ask);
    if (isViewer) this.#metrics.decided(taken.tier.nearness);
    return taken;
  }

  // The explanation of a choice that is made, too.
  #chosen(ask: ViewerAsk, client: Client): Explanation & { readonly chosen: Candidate } {
    const explanation = this.#choice.explain(ask);
    const { chosen } = explanation;
    if (chosen === undefined) throw this.#noEdge(ask);
    this.#taken(ask, client);
    return { ...explanation, chosen };
  }

  #noEdge(ask: ViewerAsk): AppError {
    const { name: zone, region } = this.#choice.zoneOf(ask.place);
    const edges = this.#choice.edges.length;
    return new AppError('edge_unavailable', { details: { stream: ask.stream, zone, region, edges } });
  }

  #counted<Answer>({ isViewer }: Client, answer: () => Answer): Answer {
    if (!isViewer) return answer();
    const { clock } = this.#options;
    const beganMs = clock.nowMs();
    try {
      return answer();
    } catch (caught) {
      const { code } = toAppError(caught);
      const known = { edge_unavailable: 'no_edge', redirect_loop: 'loop' } as const;
      this.#metrics.decided(
        code === 'edge_unavailable' || code === 'redirect_loop' ? known[code] : 'refused',
      );
      throw caught;
    } finally {
      this.#metrics.took(clock.nowMs() - beganMs);
    }
  }
}

// A player that is served does not have to move because its edge has as many as it should.
const hasToLeave: readonly string[] = ['draining', 'overloaded', 'not_served'];

function destination(
  { edge }: Candidate,
  ask: Pick<ViewerAsk, 'stream' | 'protocol'>,
  query: string,
): Pick<RouteView, 'url' | 'node' | 'zone' | 'region'> {
  const { nodeId: node, zone, region } = edge.node;
  return { url: streamUrl(baseOf(edge.bases, ask.protocol) ?? '', ask, query), node, zone, region };
}

function candidateView(candidate: Candidate): RouteExplanationView['candidates'][number] {
  const { edge, tier, nearness, distanceMs, verdict, why } = candidate;
  const { nodeId: node, zone, region } = edge.node;
  return {
    ...{ node, zone, region, tier, nearness, verdict, why },
    viewers: Math.round(edge.load),
    capacity: edge.capacity,
    ...(distanceMs === undefined ? {} : { distanceMs }),
  };
}
