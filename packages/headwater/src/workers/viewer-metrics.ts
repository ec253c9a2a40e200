// Which of a worker's metrics count. What concerns streams is counted once, by the node, which has each of them; its workers
// count viewers and connections.
import { silentMetrics, type Metrics } from '@headwater/contracts';

const counted = /^headwater_(play_|viewers$|rtmp_connections_|event_loop_|proxy_)/;

/** The metrics of a worker, those left out that would be counted twice. */
export function viewerMetrics(metrics: Metrics): Metrics {
  const of = (name: string): Metrics => (counted.test(name) ? metrics : silentMetrics);
  return {
    counter: (options) => of(options.name).counter(options),
    gauge: (options) => of(options.name).gauge(options),
    histogram: (options) => of(options.name).histogram(options),
  };
}
