// Questions to all workers of a node: what they say is put together, and who says nothing is counted and left out.
import type { Counter, Metrics } from '@headwater/contracts';
import type { Catalogue } from './questions.ts';

/** A worker that answers these questions. */
export interface Answering<Questions extends Catalogue<Questions>> {
  ask<What extends keyof Questions>(
    what: What,
    argument: Questions[What]['argument'],
  ): Promise<Questions[What]['answer']>;
}

/** Asks workers. Never rejects. */
export class Survey<Questions extends Catalogue<Questions>> {
  readonly #unanswered: Counter;

  constructor(metrics: Metrics) {
    this.#unanswered = metrics.counter({
      name: 'headwater_worker_unanswered_total',
      help: 'Questions that a worker did not answer in time, so that what it serves is missing in what was shown.',
    });
  }

  /** What one of them says; undefined when it does not answer. */
  async one<What extends keyof Questions>(
    worker: Answering<Questions>,
    what: What,
    argument: Questions[What]['argument'],
  ): Promise<Questions[What]['answer'] | undefined> {
    try {
      return await worker.ask(what, argument);
    } catch {
      this.missed();
      return undefined;
    }
  }

  /** What those say that answer. */
  async all<What extends keyof Questions>(
    workers: readonly Answering<Questions>[],
    what: What,
    argument: Questions[What]['argument'],
  ): Promise<NonNullable<Questions[What]['answer']>[]> {
    const answers = await Promise.all(workers.map(async (worker) => this.one(worker, what, argument)));
    return answers.filter((answer) => answer !== undefined && answer !== null);
  }

  /** Counts a question that somebody asked by itself. */
  missed(): void {
    this.#unanswered.add(1);
  }
}
