// What workers that are gone have counted: totals of a node only grow, whatever becomes of its workers.
import { mergedMetrics, type MetricValues } from '../prometheus-metrics.ts';

/** What one process has counted. */
export interface WorkerTotals {
  readonly bytesWritten: number;
  readonly cpuMicros: number;
}

/** Sums over workers that are gone. */
export class RetiredWorkers {
  #bytesWritten = 0;
  #cpuMicros = 0;
  #metrics: Promise<MetricValues> = Promise.resolve([]);

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get cpuMicros(): number {
    return this.#cpuMicros;
  }

  /** Counters and histograms; what a process is at any moment went with it. */
  async metrics(): Promise<MetricValues> {
    return this.#metrics;
  }

  /** `metrics` are what was shown of it last. */
  add({ bytesWritten, cpuMicros }: WorkerTotals, metrics: MetricValues): void {
    this.#bytesWritten += bytesWritten;
    this.#cpuMicros += cpuMicros;
    const totals = metrics.filter(({ type }) => isTotal(String(type)));
    this.#metrics = this.#metrics.then(async (retired) =>
      mergedMetrics([retired, totals]).getMetricsAsJSON(),
    );
  }
}

function isTotal(type: string): boolean {
  return type === 'counter' || type === 'histogram';
}
