// What all workers of a node have between them: their viewers and their figures, asked for or as they reported last.
import type { Clock, Counter, Metrics, SessionView } from '@headwater/contracts';
import type { MetricValues } from '../prometheus-metrics.ts';
import { CrewMetrics, unansweredQuestions } from './crew-metrics.ts';
import type { WorkerTotals } from './retired-workers.ts';
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

/** The view. */
export class CrewView {
  readonly #workers: () => readonly AskedWorker[];
  readonly #metrics: CrewMetrics<AskedWorker>;
  readonly #unanswered: Counter;

  constructor({ clock, metrics, workers }: CrewViewOptions) {
    this.#workers = workers;
    this.#metrics = new CrewMetrics({
      clock,
      workers,
      ask: async (worker) => (worker.isReady ? this.#ask(worker, 'metrics', undefined) : undefined),
    });
    this.#unanswered = unansweredQuestions(metrics);
  }

  /** Media bytes written to all viewers, those of workers that are gone included. */
  get bytesWritten(): number {
    return this.#metrics.sum('bytesWritten');
  }

  /** CPU time of all workers, those that are gone included. */
  get cpuMicros(): number {
    return this.#metrics.sum('cpuMicros');
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
    return this.#metrics.values();
  }

  /** A worker is gone, and no longer among those that are there. */
  retire(worker: AskedWorker): void {
    this.#metrics.retire(worker);
  }

  /** Nothing is asked any more unless somebody wants to know. */
  close(): void {
    this.#metrics.close();
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
}
