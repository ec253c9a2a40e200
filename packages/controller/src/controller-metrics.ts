import type { Counter, Gauge, Histogram, Metrics } from '@headwater/contracts';

/** What a controller counts. */
export interface ControllerMetrics {
  readonly isLeading: Gauge;
  readonly isBlind: Gauge;
  readonly nodes: Gauge;
  readonly verdicts: Counter;
  readonly verdictSeconds: Histogram;
  readonly failoverSeconds: Histogram;
  readonly probes: Counter;
  readonly plans: Counter;
  readonly actions: Counter;
}

const failoverBuckets = [0.5, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 12];

/** Makes a controller's metrics. */
export function controllerMetrics(metrics: Metrics): ControllerMetrics {
  return {
    isLeading: metrics.gauge({
      name: 'headwater_controller_leading',
      help: '1 while this controller leads.',
    }),
    isBlind: metrics.gauge({
      name: 'headwater_controller_blind',
      help: '1 while this controller judges nobody, after an outage of its own view.',
    }),
    nodes: metrics.gauge({
      name: 'headwater_controller_nodes',
      help: 'Nodes as this controller sees them.',
      labels: ['health'],
    }),
    verdicts: metrics.counter({
      name: 'headwater_controller_verdicts_total',
      help: 'Nodes held for dead, by whether an edge had reported them.',
      labels: ['reported'],
    }),
    failoverSeconds: metrics.histogram({
      name: 'headwater_controller_failover_seconds',
      help: 'Time from the last heartbeat of a dead node until the registry had its streams free for others.',
      buckets: failoverBuckets,
    }),
    verdictSeconds: metrics.histogram({
      name: 'headwater_controller_verdict_seconds',
      help: 'Time from the last heartbeat of a node to the verdict that it is dead.',
      buckets: failoverBuckets,
    }),
    probes: metrics.counter({
      name: 'headwater_controller_probes_total',
      help: 'Direct probes of nodes in question, by outcome.',
      labels: ['outcome'],
    }),
    plans: metrics.counter({
      name: 'headwater_controller_plans_total',
      help: 'Plans that had something to do.',
    }),
    actions: metrics.counter({
      name: 'headwater_controller_actions_total',
      help: 'Steps of plans, by kind and outcome.',
      labels: ['action', 'outcome'],
    }),
  };
}
