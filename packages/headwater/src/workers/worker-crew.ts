// All workers of a node: keeps them at their number, hands connections to the one that has the fewest, and speaks for all
// of them.
import type { Clock, Counter, Gauge, Logger, Metrics, SessionView, Timer } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';
import { mergedMetrics, type MetricValues } from '../prometheus-metrics.ts';
import type { Answers } from './questions.ts';
import { RestartPace } from './restart-pace.ts';
import { SeatCount } from './seat-count.ts';
import type { AudienceShare, NodeQuestions, WorkerQuestions, WorkerSetup } from './worker-messages.ts';
import { WorkerProcess, type Newcomer } from './worker-process.ts';

/** What a crew is made of. */
export interface WorkerCrewOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How many workers. */
  readonly size: number;
  /** What a worker is to know; asked at each start of one. */
  readonly setup: (worker: number) => WorkerSetup;
  /** Takes the workers' logs: whole lines. */
  readonly print: (text: string) => void;
  readonly maxViewers: number;
  readonly overload: () => Overload | undefined;
  readonly answers: Omit<Answers<NodeQuestions>, 'seat'>;
}

interface Place {
  readonly worker: number;
  readonly pace: RestartPace;
  process: WorkerProcess | undefined;
  restart: Timer | undefined;
  /** What its metrics were when they were asked for last. */
  seenMetrics: MetricValues;
}

// A worker that does not answer in time is left out of the answer.
const answerMs = 1_000;

/** The workers. Started and stopped once. */
export class WorkerCrew {
  readonly #options: WorkerCrewOptions;
  readonly #places: readonly Place[];
  readonly #seats: SeatCount;
  /** Connections that wait for a worker to be free, the oldest first. */
  readonly #newcomers: Newcomer[] = [];
  readonly #running: Gauge;
  readonly #exits: Counter;
  readonly #unanswered: Counter;
  readonly #ready: ((error?: Error) => void)[] = [];
  #retiredMetrics: Promise<MetricValues> = Promise.resolve([]);
  #retiredBytes = 0;
  #retiredCpuMicros = 0;
  #hasStarted = false;
  #isStopping = false;

  constructor(options: WorkerCrewOptions) {
    const { clock, metrics, size, maxViewers, overload } = options;
    this.#options = options;
    this.#seats = new SeatCount({ max: maxViewers, overload });
    this.#places = Array.from({ length: size }, (_, index) => ({
      worker: index + 1,
      pace: new RestartPace(clock),
      process: undefined,
      restart: undefined,
      seenMetrics: [],
    }));
    this.#running = metrics.gauge({
      name: 'headwater_workers',
      help: 'Worker processes that serve viewers.',
    });
    this.#exits = metrics.counter({
      name: 'headwater_worker_exits_total',
      help: 'Worker processes that ended although they were wanted; each was replaced.',
    });
    this.#unanswered = metrics.counter({
      name: 'headwater_worker_unanswered_total',
      help: 'Questions that a worker did not answer in time, so that its viewers are missing in what was shown.',
    });
  }

  /** Viewers of the whole node, those that wait for their stream included. */
  get viewers(): { readonly size: number } {
    return { size: this.#seats.taken };
  }

  /** Media bytes written to all viewers, those of workers that are gone included. */
  get bytesWritten(): number {
    return this.#sum(({ bytesWritten }) => bytesWritten) + this.#retiredBytes;
  }

  /** CPU time of all workers, those that are gone included. */
  get cpuMicros(): number {
    return this.#sum(({ cpuMicros }) => cpuMicros) + this.#retiredCpuMicros;
  }

  /** How many workers there are to be. */
  get size(): number {
    return this.#places.length;
  }

  /** Resolves when all workers serve. Rejects when one of them cannot. */
  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#ready.push((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
    for (const place of this.#places) this.#hire(place);
    try {
      await started;
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  /** Hands a connection to a worker, now or as soon as one is free. */
  dispatch(newcomer: Newcomer): void {
    this.#newcomers.push(newcomer);
    this.#handOver();
  }

  /** No new viewers. */
  drain(): void {
    for (const process of this.#processes()) process.drain();
  }

  /** Ends all viewers, and all workers. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { restart } of this.#places) restart?.cancel();
    for (const newcomer of this.#newcomers.splice(0)) turnAway(newcomer);
    await Promise.all(this.#processes().map(async (process) => process.stop(deadlineMs)));
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
    await Promise.all(
      this.#places.map(async (place) => {
        const { process } = place;
        if (process === undefined) return;
        const values = await this.#ask(process, 'metrics', undefined);
        if (values !== undefined && place.process === process) place.seenMetrics = values;
      }),
    );
    return [...this.#places.map(({ seenMetrics }) => seenMetrics), await this.#retiredMetrics];
  }

  #hire(place: Place): void {
    const { clock, print, setup, answers } = this.#options;
    const { worker } = place;
    place.restart = undefined;
    place.pace.started();
    const process = new WorkerProcess({
      setup: setup(worker),
      clock,
      print,
      answers: { ...answers, seat: () => this.#seats.take(worker) },
      listener: {
        free: () => {
          this.#count();
          this.#handOver();
        },
        seatLeft: (seat) => {
          this.#seats.leave(seat);
        },
        gone: (how) => {
          this.#lost(place, process, how);
        },
      },
    });
    place.process = process;
  }

  #lost(place: Place, process: WorkerProcess, how: string): void {
    const { worker } = place;
    place.process = undefined;
    this.#seats.leaveAll(worker);
    this.#retire(place, process);
    this.#count();
    if (this.#isStopping) return;
    if (!this.#hasStarted) {
      this.#settleStart(new Error(`worker ${worker} ended at its start: ${how}`));
      return;
    }
    const restartMs = place.pace.died();
    this.#exits.add(1);
    this.#options.logger.error({ worker, pid: process.pid, how, restartMs }, 'worker ended');
    place.restart = this.#options.clock.after(restartMs, () => {
      this.#hire(place);
    });
  }

  // What was counted must not be forgotten: totals only grow.
  #retire(place: Place, { bytesWritten, cpuMicros }: WorkerProcess): void {
    this.#retiredBytes += bytesWritten;
    this.#retiredCpuMicros += cpuMicros;
    const totals = place.seenMetrics.filter(({ type }) => isTotal(String(type)));
    place.seenMetrics = [];
    this.#retiredMetrics = this.#retiredMetrics.then(async (retired) =>
      mergedMetrics([retired, totals]).getMetricsAsJSON(),
    );
  }

  #handOver(): void {
    while (this.#newcomers.length > 0) {
      const worker = this.#freest();
      if (worker === undefined) return;
      const newcomer = this.#newcomers.shift();
      if (newcomer === undefined) return;
      if (newcomer.socket.destroyed || this.#isStopping) turnAway(newcomer);
      else worker.take(newcomer);
    }
  }

  #freest(): WorkerProcess | undefined {
    let freest: WorkerProcess | undefined;
    for (const { process } of this.#places) {
      if (process?.isFree !== true) continue;
      if (freest === undefined || process.connections < freest.connections) freest = process;
    }
    return freest;
  }

  #count(): void {
    const ready = this.#processes().filter(({ isReady }) => isReady).length;
    this.#running.set(ready);
    if (ready < this.#places.length) return;
    this.#hasStarted = true;
    this.#settleStart();
  }

  #settleStart(error?: Error): void {
    for (const settle of this.#ready.splice(0)) settle(error);
  }

  async #askAll<What extends keyof WorkerQuestions>(
    what: What,
    argument: WorkerQuestions[What]['argument'],
  ): Promise<WorkerQuestions[What]['answer'][]> {
    const answers = await Promise.all(
      this.#processes().map(async (process) => this.#ask(process, what, argument)),
    );
    return answers.filter((answer) => answer !== undefined);
  }

  /** Undefined when the worker does not answer. */
  async #ask<What extends keyof WorkerQuestions>(
    process: WorkerProcess,
    what: What,
    argument: WorkerQuestions[What]['argument'],
  ): Promise<WorkerQuestions[What]['answer'] | undefined> {
    if (!process.isReady) return undefined;
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#unanswered.add(1);
        resolve(undefined);
      };
      const timer = this.#options.clock.after(answerMs, giveUp);
      process
        .ask(what, argument)
        .then(resolve, giveUp)
        .finally(() => timer.cancel());
    });
  }

  #sum(figure: (process: WorkerProcess) => number): number {
    return this.#processes().reduce((sum, process) => sum + figure(process), 0);
  }

  #processes(): WorkerProcess[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }
}

function turnAway({ socket, release }: Newcomer): void {
  socket.destroy();
  release();
}

function isTotal(type: string): boolean {
  return type === 'counter' || type === 'histogram';
}
