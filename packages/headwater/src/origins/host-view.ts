// A node that is made of several origins, as its admin API shows it: everything is in these, and is asked for.
import {
  AppError,
  toAppError,
  type Clock,
  type JobView,
  type Metrics,
  type NodeListView,
  type PullJob,
  type SessionView,
  type StreamView,
} from '@headwater/contracts';
import type { NodeRef } from '@headwater/cluster';
import type { JobDesk } from '../admin/job-desk.ts';
import type { NodeView } from '../admin/node-view.ts';
import type { MetricValues } from '../prometheus-metrics.ts';
import { CrewMetrics } from '../workers/crew-metrics.ts';
import type { WorkerTotals } from '../workers/retired-workers.ts';
import { Survey, type Answering } from '../workers/survey.ts';
import type { OriginQuestions } from './origin-messages.ts';

/** An origin that can be asked. */
export interface AskedOrigin extends WorkerTotals, Answering<OriginQuestions> {
  readonly isReady: boolean;
}

/** The origins, as the view needs them. */
export interface AskedOrigins<Asked extends AskedOrigin> {
  readonly members: readonly Asked[];
  /** Those that serve; whom to ask first comes first. */
  readonly ready: readonly Asked[];
  readonly nodes: readonly NodeRef[];
  /** As which node the cluster knows it; undefined when it is gone. */
  nodeOf(origin: Asked): NodeRef | undefined;
  readonly reasons: readonly string[];
  readonly doubts: readonly string[];
}

/** What a view needs. */
export interface HostViewOptions<Asked extends AskedOrigin> {
  readonly origins: AskedOrigins<Asked>;
  readonly clock: Pick<Clock, 'every'>;
  readonly metrics: Metrics;
}

/** The view. */
export class HostView<Asked extends AskedOrigin> implements NodeView {
  readonly jobs: JobDesk;
  readonly #origins: AskedOrigins<Asked>;
  readonly #metrics: CrewMetrics<Asked>;
  readonly #survey: Survey<OriginQuestions>;

  constructor({ origins, clock, metrics }: HostViewOptions<Asked>) {
    this.#origins = origins;
    const survey = new Survey<OriginQuestions>(metrics);
    this.#survey = survey;
    this.#metrics = new CrewMetrics({
      clock,
      workers: () => origins.members,
      ask: async (origin) => (origin.isReady ? survey.one(origin, 'metrics', undefined) : undefined),
    });
    this.jobs = {
      list: async () => this.#jobList(),
      add: async (job: PullJob) => this.#first('addJob', job),
      remove: async (jobId: string) => this.#first('removeJob', jobId),
    };
  }

  /** A stream that one origin owns and another one follows is shown once, as its owner sees it. */
  async streams(): Promise<readonly StreamView[]> {
    const streams = new Map<string, StreamView>();
    await Promise.all(
      this.#origins.ready.map(async (origin) => {
        const nodeId = this.#origins.nodeOf(origin)?.nodeId;
        for (const stream of (await this.#survey.one(origin, 'streams', undefined)) ?? []) {
          if (!streams.has(stream.key) || stream.owner === nodeId) streams.set(stream.key, stream);
        }
      }),
    );
    return [...streams.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async sessions(): Promise<readonly SessionView[]> {
    return (await this.#survey.all(this.#origins.ready, 'sessions', undefined)).flat();
  }

  async nodes(): Promise<NodeListView> {
    if (this.#origins.ready.length === 0) return { items: [], isStale: true };
    return this.#read('nodes');
  }

  async kick(sessionId: string): Promise<boolean> {
    return (await this.#survey.all(this.#origins.ready, 'kick', sessionId)).includes(true);
  }

  explainRoute(): never {
    throw new AppError('role_missing', { details: { role: 'router' } });
  }

  async furtherMetrics(): Promise<readonly MetricValues[]> {
    return (await this.#metrics.values()).map(asOfOneNode);
  }

  notReadyReasons(): readonly string[] {
    return this.#origins.reasons;
  }

  doubts(): readonly string[] {
    return this.#origins.doubts;
  }

  origins(): readonly NodeRef[] {
    return this.#origins.nodes;
  }

  /** An origin is gone, and no longer among those that are there. */
  retire(origin: Asked): void {
    this.#metrics.retire(origin);
  }

  /** Nothing is asked any more unless somebody wants to know. */
  close(): void {
    this.#metrics.close();
  }

  // All of them know all jobs, and how those stand that are their own.
  async #jobList(): Promise<readonly JobView[]> {
    const first = await this.#read('jobs');
    const others = (await this.#survey.all(this.#origins.ready, 'jobs', undefined)).flat();
    return first.map((job) => others.find(({ id, run }) => id === job.id && run !== undefined) ?? job);
  }

  // All know the same of the cluster. One that stands still is passed over, until it is replaced.
  async #read<What extends 'nodes' | 'jobs'>(what: What): Promise<OriginQuestions[What]['answer']> {
    let failure = noneServes();
    for (const origin of this.#origins.ready) {
      try {
        return await origin.ask(what, undefined);
      } catch (caught) {
        failure = toAppError(caught);
        if (failure.code !== 'internal') break;
        this.#survey.missed();
      }
    }
    throw failure;
  }

  async #first<What extends keyof OriginQuestions>(
    what: What,
    argument: OriginQuestions[What]['argument'],
  ): Promise<OriginQuestions[What]['answer']> {
    const [first] = this.#origins.ready;
    if (first === undefined) throw noneServes();
    return first.ask(what, argument);
  }
}

function noneServes(): AppError {
  return new AppError('registry_unavailable', { details: { why: 'no origin serves' } });
}

// What an origin knows of the cluster the others know as well: it is no sum.
function asOfOneNode(values: MetricValues): MetricValues {
  return values.map((metric) =>
    metric.name.startsWith('headwater_discovery_') && String(metric.type) === 'gauge'
      ? { ...metric, aggregator: 'max' as const }
      : metric,
  );
}
