// What all workers of a node have between them: their viewers and their figures, asked for or as they reported last.
import type { Clock, Counter, Metrics, SessionView, Timer } from '@headwater/contracts';
import type { MetricValues } from '../prometheus-metrics.ts';
import { RetiredWorkers, type WorkerTotals } from './retired-workers.ts';
import type { AudienceShare, WorkerQuestions } from './worker-messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker that can be asked. */
export type AskedWorker = WorkerTotals & Pick<WorkerProcess, 'isReady' | 'ask'>;

/** What a view needs. */
export interface CrewViewOptions {
  readonly clock: Pick<Clock, 'every'>;
  readonly metrics: Metrics;
  /** Those that are there now. */
  readonly workers: () => readonly AskedWorker[];
}

// So much of what a worker has counted is lost with it at most, however seldom the node itself is asked.
const metricsMs = 5_000;

/** The view. */
export class CrewView {
  readonly #workers: () => readonly AskedWorker[];
  readonly #retired = new RetiredWorkers();
  /** What a worker's metrics were when it was asked last. */
  readonly #seenMetrics = new Map<AskedWorker, MetricValues>();
  readonly #unanswered: Counter;
  readonly #timer: Timer;

  constructor({ clock, metrics, workers }: CrewViewOptions) {
    this.#workers = workers;
    this.#unanswered = metrics.counter({
      name: 'headwater_worker_unanswered_total',
      help: 'Questions that a worker did not answer in time, so that its viewers are missing in what was shown.',
    });
    this.#timer = clock.every(metricsMs, () => {
      void this.#askMetrics();
    });
  }

  /** Media bytes written to all viewers, those of workers that are gone included. */
  get bytesWritten(): number {
    return this.#sum('bytesWritten');
  }

  /** CPU time of all workers, those that are gone included. */
  get cpuMicros(): number {
    return this.#sum('cpuMicros');
  }

  async sessions(): Promise<readonly SessionView[]> {
    return (await this.#askAll('sessions', undefined)).flat();
  }

  async audience(): Promise<readonly AudienceShare[]> {
    return (await this.#askAll('audience', undefined)).flat();
  }

  /** False when no worker has a viewer with that session id. */
  async kick(sessionId: string): Promise<boolean> {
    return (await this.#askAll('kick', sessionId)).includes(true);
  }

  /** The metrics of all workers; what those that are gone had counted stays counted. */
  async metrics(): Promise<readonly MetricValues[]> {
    await this.#askMetrics();
    return [...this.#seenMetrics.values(), await this.#retired.metrics()];
  }

  /** A worker is gone, and no longer among those that are there. */
  retire(worker: AskedWorker): void {
    this.#retired.add(worker, this.#seenMetrics.get(worker) ?? []);
    this.#seenMetrics.delete(worker);
  }

  /** Nothing is asked any more unless somebody wants to know. */
  close(): void {
    this.#timer.cancel();
  }

  async #askMetrics(): Promise<void> {
    const asked = this.#workers().filter(({ isReady }) => isReady);
    await Promise.all(
      asked.map(async (worker) => {
        const values = await this.#ask(worker, 'metrics', undefined);
        if (values !== undefined && this.#workers().includes(worker)) this.#seenMetrics.set(worker, values);
      }),
    );
  }

  async #askAll<What extends keyof WorkerQuestions>(
    what: What,
    argument: WorkerQuestions[What]['argument'],
  ): Promise<WorkerQuestions[What]['answer'][]> {
    const asked = this.#workers().filter(({ isReady }) => isReady);
    const answers = await Promise.all(asked.map(async (worker) => this.#ask(worker, what, argument)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Undefined when the worker does not answer. */
  async #ask<What extends keyof WorkerQuestions>(
    worker: AskedWorker,
    what: What,
    argument: WorkerQuestions[What]['argument'],
  ): Promise<WorkerQuestions[What]['answer'] | undefined> {
    try {
      return await worker.ask(what, argument);
    } catch {
      this.#unanswered.add(1);
      return undefined;
    }
  }

  #sum(figure: keyof WorkerTotals): number {
    return this.#workers().reduce((sum, worker) => sum + worker[figure], this.#retired[figure]);
  }
}
