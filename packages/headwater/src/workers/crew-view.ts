// What all workers of a node have between them: their viewers and their figures, asked for or as they reported last.
import type { Clock, Metrics, SessionView } from '@headwater/contracts';
import type { MetricValues } from '../prometheus-metrics.ts';
import { CrewMetrics } from './crew-metrics.ts';
import type { WorkerTotals } from './retired-workers.ts';
import { Survey } from './survey.ts';
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
  readonly #survey: Survey<WorkerQuestions>;

  constructor({ clock, metrics, workers }: CrewViewOptions) {
    this.#workers = workers;
    const survey = new Survey<WorkerQuestions>(metrics);
    this.#survey = survey;
    this.#metrics = new CrewMetrics({
      clock,
      workers,
      ask: async (worker) => (worker.isReady ? survey.one(worker, 'metrics', undefined) : undefined),
    });
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
    return (await this.#survey.all(this.#ready, 'sessions', undefined)).flat();
  }

  async audience(): Promise<readonly AudienceShare[]> {
    return (await this.#survey.all(this.#ready, 'audience', undefined)).flat();
  }

  /** False when no worker has a viewer with that session id. */
  async kick(sessionId: string): Promise<boolean> {
    return (await this.#survey.all(this.#ready, 'kick', sessionId)).includes(true);
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

  get #ready(): readonly AskedWorker[] {
    return this.#workers().filter(({ isReady }) => isReady);
  }
}
