import type { Counter, Gauge, Histogram, Metrics } from '@headwater/contracts';
import type { RoutedEdge } from './routed-edge.ts';
import type { Nearness } from './tiers.ts';

/** How a request for an edge ended. */
export type RouteOutcome = Nearness | 'no_edge' | 'loop' | 'refused';

const states = ['open', 'draining', 'overloaded', 'full'] as const;

/** The figures of a router. */
export class RouterMetrics {
  readonly #decisions: Counter;
  readonly #seconds: Histogram;
  readonly #edges: Gauge;

  constructor(metrics: Metrics) {
    this.#decisions = metrics.counter({
      name: 'headwater_router_decisions_total',
      help:
        "Requests for an edge by outcome: an edge of the viewer's zone, of its region, of another region (distance), none " +
        '(no_edge), sent around in a circle (loop), or not valid (refused).',
      labels: ['outcome'],
    });
    this.#seconds = metrics.histogram({
      name: 'headwater_router_decision_seconds',
      help: 'How long it took to find where a viewer is and which edge it gets.',
      buckets: [2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2.5e-2],
    });
    this.#edges = metrics.gauge({
      name: 'headwater_router_edges',
      help: 'Edges that the router knows, by whether they take viewers.',
      labels: ['state'],
    });
  }

  decided(outcome: RouteOutcome): void {
    this.#decisions.add(1, { outcome });
  }

  took(ms: number): void {
    this.#seconds.observe(ms / 1_000);
  }

  knows(edges: readonly RoutedEdge[], fullAt: number): void {
    const counts = { open: 0, draining: 0, overloaded: 0, full: 0 };
    for (const { closed, load, capacity } of edges) {
      counts[closed ?? (load + 1 > fullAt * capacity ? 'full' : 'open')]++;
    }
    for (const state of states) this.#edges.set(counts[state], { state });
  }
}
