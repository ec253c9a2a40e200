/** Label values of one observation. */
export type MetricLabels = Readonly<Record<string, string>>;

/** A counter that only grows. */
export interface Counter {
  add(value: number, labels?: MetricLabels): void;
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number, labels?: MetricLabels): void;
}

/** A distribution, in the unit that its name says (seconds, bytes). */
export interface Histogram {
  observe(value: number, labels?: MetricLabels): void;
}

/** Names a metric in Prometheus's way: `headwater_…_total`, base units, few label values. */
export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Makes metrics. Asking twice for one name returns the same metric. */
export interface Metrics {
  counter(options: MetricOptions): Counter;
  gauge(options: MetricOptions): Gauge;
  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): Histogram;
}

const nothing = (): void => undefined;

/** Metrics that go nowhere. */
export const silentMetrics: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  histogram: () => ({ observe: nothing }),
};
