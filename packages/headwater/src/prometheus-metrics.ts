// Metrics in Prometheus's text format: the `Metrics` port over prom-client, with the process's own figures.
import type {
  Clock,
  Counter,
  Gauge,
  Histogram,
  MetricLabels,
  MetricOptions,
  Metrics,
  Timer,
} from '@headwater/contracts';
import * as prometheus from 'prom-client';
import { loopBusyMs } from './loop-busy.ts';

const lagPeriodMs = 100;
// Node's own monitor of the event loop would wake an idle process a hundred times a second, more often than all else, for what
// `headwater_event_loop_lag_seconds` tells as well. It cannot be left out.
const unusedPrecisionMs = 3_600_000;
const lagBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Everything measured by one process, as it travels to another one. */
export type MetricValues = prometheus.MetricObjectWithValues<prometheus.MetricValue<string>>[];

/** What a metric is. */
export interface MetricDescription extends Required<MetricOptions> {
  /** `counter`, `gauge` or `histogram`. */
  readonly kind: string;
}

interface Made {
  readonly kind: string;
  readonly options: MetricOptions;
  readonly metric: Counter | Gauge | Histogram;
}

/** The metrics of one process. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new prometheus.Registry();
  readonly #made = new Map<string, Made>();

  /** Goes with `render`'s text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything measured so far, as text; together with what other processes of the node have measured. */
  async render(others: readonly MetricValues[] = []): Promise<string> {
    if (others.length === 0) return this.#registry.metrics();
    return mergedMetrics([await this.values(), ...others]).metrics();
  }

  /** Everything measured so far, as values. */
  async values(): Promise<MetricValues> {
    return this.#registry.getMetricsAsJSON();
  }

  counter(options: MetricOptions): Counter {
    return this.#once('counter', options, () => {
      const metric = new prometheus.Counter(this.#configured(options));
      return {
        add: (value, labels) => (labels === undefined ? metric.inc(value) : metric.inc({ ...labels }, value)),
      };
    });
  }

  gauge(options: MetricOptions): Gauge {
    return this.#once('gauge', options, () => {
      const metric = new prometheus.Gauge(this.#configured(options));
      return {
        set: (value, labels) => (labels === undefined ? metric.set(value) : metric.set({ ...labels }, value)),
      };
    });
  }

  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): Histogram {
    return this.#once('histogram', options, () => {
      const metric = new prometheus.Histogram({
        ...this.#configured(options),
        buckets: [...options.buckets],
      });
      return {
        observe: (value, labels?: MetricLabels) =>
          labels === undefined ? metric.observe(value) : metric.observe({ ...labels }, value),
      };
    });
  }

  /** What of its own the program measures, in the order of the names. */
  described(): MetricDescription[] {
    return Array.from(this.#made.values(), ({ kind, options: { name, help, labels = [] } }) => ({
      name,
      kind,
      help,
      labels,
    })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Adds the process's figures (CPU, memory, garbage collection, file descriptors). */
  measureProcess(): void {
    prometheus.collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: unusedPrecisionMs,
    });
    for (const part of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']) {
      this.#registry.removeSingleMetric(`nodejs_eventloop_lag_${part}_seconds`);
    }
  }

  /** Measures how late timers fire, the time for which the event loop was busy with something else, and how busy it is. */
  measureEventLoop(clock: Clock, busyMs: () => number = loopBusyMs): Timer {
    const lag = this.histogram({
      name: 'headwater_event_loop_lag_seconds',
      help: 'How late a timer fired: how long everything had to wait.',
      buckets: lagBuckets,
    });
    const busy = this.counter({
      name: 'headwater_event_loop_busy_seconds_total',
      help: 'How long event loops did not wait for anything, that of the node and those of its workers together; `limits.loopBusy` goes by the rate of each.',
    });
    let dueMs = clock.nowMs() + lagPeriodMs;
    let lastBusyMs = busyMs();
    return clock.every(lagPeriodMs, () => {
      const nowMs = clock.nowMs();
      lag.observe(Math.max(0, nowMs - dueMs) / 1000);
      dueMs = nowMs + lagPeriodMs;
      const nowBusyMs = busyMs();
      busy.add((nowBusyMs - lastBusyMs) / 1000);
      lastBusyMs = nowBusyMs;
    });
  }

  #configured(options: MetricOptions): {
    name: string;
    help: string;
    labelNames: string[];
    registers: prometheus.Registry[];
  } {
    const { name, help, labels = [] } = options;
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  #once<M extends Counter | Gauge | Histogram>(kind: string, options: MetricOptions, make: () => M): M {
    const known = this.#made.get(options.name);
    if (known !== undefined) {
      if (known.kind !== kind) throw new Error(`metric ${options.name} is already a ${known.kind}`);
      return known.metric as M;
    }
    const metric = make();
    this.#made.set(options.name, { kind, options, metric });
    return metric;
  }
}

/**
 * The values of several processes as one: what is counted is summed, as are gauges, unless their maker says otherwise. What
 * makes sense for one process only is that of the first.
 */
export function mergedMetrics(processes: readonly MetricValues[]): prometheus.Registry {
  const [first = [], ...others] = processes;
  const kept = first.map((metric) =>
    metric.aggregator === 'omit' ? { ...metric, aggregator: 'first' as const } : metric,
  );
  return prometheus.AggregatorRegistry.aggregate([kept, ...others]);
}
