// The metrics of all workers of a node, those that are gone included.
import type { Clock, Timer } from '@headwater/contracts';
import type { MetricValues } from '../prometheus-metrics.ts';
import { RetiredWorkers, type WorkerTotals } from './retired-workers.ts';

/** What is asked, and when. */
export interface CrewMetricsOptions<Worker extends WorkerTotals> {
  readonly clock: Pick<Clock, 'every'>;
  /** Those that are there now. */
  readonly workers: () => readonly Worker[];
  /** Resolves with undefined where there is no answer. */
  readonly ask: (worker: Worker) => Promise<MetricValues | undefined>;
}

// So much of what a worker has counted is lost with it at most, however seldom the node itself is asked.
const askMs = 5_000;

/** Asks for what each worker has measured, and remembers it beyond the worker's end. */
export class CrewMetrics<Worker extends WorkerTotals> {
  readonly #workers: () => readonly Worker[];
  readonly #ask: (worker: Worker) => Promise<MetricValues | undefined>;
  readonly #retired = new RetiredWorkers();
  /** What a worker's metrics were when it was asked last. */
  readonly #seen = new Map<Worker, MetricValues>();
  readonly #timer: Timer;

  constructor({ clock, workers, ask }: CrewMetricsOptions<Worker>) {
    this.#workers = workers;
    this.#ask = ask;
    this.#timer = clock.every(askMs, () => {
      void this.#askAll();
    });
  }

  /** Of all workers; what those that are gone had counted stays counted. */
  async values(): Promise<readonly MetricValues[]> {
    await this.#askAll();
    return [...this.#seen.values(), await this.#retired.metrics()];
  }

  /** Sums a figure over all workers that are there, and those that are gone. */
  sum(figure: keyof WorkerTotals): number {
    return this.#workers().reduce((sum, worker) => sum + worker[figure], this.#retired[figure]);
  }

  /** A worker is gone, and no longer among those that are there. */
  retire(worker: Worker): void {
    this.#retired.add(worker, this.#seen.get(worker) ?? []);
    this.#seen.delete(worker);
  }

  /** Nothing is asked any more unless somebody wants to know. */
  close(): void {
    this.#timer.cancel();
  }

  async #askAll(): Promise<void> {
    await Promise.all(
      this.#workers().map(async (worker) => {
        const values = await this.#ask(worker);
        if (values !== undefined && this.#workers().includes(worker)) this.#seen.set(worker, values);
      }),
    );
  }
}
