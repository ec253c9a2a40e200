// All workers of a node: keeps them at their number, and hands each connection to the one that has the fewest.
import type { Clock, Counter, Gauge, Logger, Metrics, Timer } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';
import { CrewView } from './crew-view.ts';
import { NewcomerQueue } from './newcomer-queue.ts';
import type { Answers } from './questions.ts';
import { RestartPace } from './restart-pace.ts';
import { SeatCount } from './seat-count.ts';
import type { NodeQuestions, WorkerSetup } from './worker-messages.ts';
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
  /** How long a connection may wait for a worker. */
  readonly maxWaitMs: number;
  readonly overload: () => Overload | undefined;
  readonly answers: Omit<Answers<NodeQuestions>, 'seat' | 'named'>;
}

interface Place {
  readonly worker: number;
  readonly pace: RestartPace;
  process: WorkerProcess | undefined;
  restart: Timer | undefined;
}

// More than the system keeps for a port whose program does not accept.
const maxNewcomers = 4_096;

/** The workers. Started and stopped once. */
export class WorkerCrew {
  /** What its workers have between them. */
  readonly view: CrewView;
  readonly #options: WorkerCrewOptions;
  readonly #places: readonly Place[];
  readonly #seats: SeatCount;
  readonly #newcomers: NewcomerQueue;
  readonly #running: Gauge;
  readonly #exits: Counter;
  readonly #lostConnections: Counter;
  #settleStart: ((error?: Error) => void) | undefined;
  #hasStarted = false;
  #isDraining = false;
  #areViewersEnded = false;
  #isStopping = false;

  constructor(options: WorkerCrewOptions) {
    const { clock, metrics, size, maxViewers, maxWaitMs, overload } = options;
    this.#options = options;
    this.#seats = new SeatCount({ max: maxViewers, overload });
    this.#newcomers = new NewcomerQueue({ clock, metrics, maxNewcomers, maxWaitMs });
    this.#places = Array.from({ length: size }, (_, index) => ({
      worker: index + 1,
      pace: new RestartPace(clock),
      process: undefined,
      restart: undefined,
    }));
    this.#running = metrics.gauge({
      name: 'headwater_workers',
      help: 'Worker processes that serve viewers.',
    });
    this.#exits = metrics.counter({
      name: 'headwater_worker_exits_total',
      help: 'Worker processes that ended although they were wanted; each was replaced.',
    });
    this.#lostConnections = metrics.counter({
      name: 'headwater_worker_lost_connections_total',
      help: 'Connections that did not reach the worker that they were handed to, e.g. for want of a file descriptor there.',
    });
    this.view = new CrewView({ clock, metrics, workers: () => this.#processes() });
  }

  /** Viewers of the whole node, those that wait for their stream included. */
  get viewers(): { readonly size: number } {
    return { size: this.#seats.taken };
  }

  /** How many workers there are to be. */
  get size(): number {
    return this.#places.length;
  }

  /** Why nobody should be sent here; undefined while any worker serves. */
  get trouble(): string | undefined {
    return this.#ready().length === 0 ? 'no worker serves' : undefined;
  }

  /** Resolves when all workers serve. Rejects when one of them cannot; none runs then. */
  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#settleStart = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
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
    this.#newcomers.add(newcomer);
    this.#handOver();
  }

  /** No new viewers. */
  drain(): void {
    this.#isDraining = true;
    for (const process of this.#ready()) process.drain();
  }

  /** Ends all viewers. */
  endViewers(): void {
    this.#areViewersEnded = true;
    for (const process of this.#ready()) process.endViewers();
  }

  /** Ends everything that is served, and all workers. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { restart } of this.#places) restart?.cancel();
    this.#newcomers.close();
    this.view.close();
    await Promise.all(this.#processes().map(async (process) => process.stop(deadlineMs)));
  }

  #hire(place: Place): void {
    const { clock, logger, print, setup, answers } = this.#options;
    const { worker } = place;
    place.restart = undefined;
    place.pace.started();
    const process = new WorkerProcess({
      setup: setup(worker),
      clock,
      print,
      answers: {
        ...answers,
        seat: (seat) => {
          this.#seats.take(worker, seat);
        },
      },
      listener: {
        ready: () => {
          this.#began(place, process);
        },
        free: () => {
          this.#handOver();
        },
        seatLeft: (seat) => {
          this.#seats.leave(worker, seat);
        },
        connectionLost: () => {
          this.#lostConnections.add(1);
          logger.warn({ worker, pid: process.pid }, 'worker did not get a connection');
        },
        gone: (how) => {
          this.#lost(place, process, how);
        },
      },
    });
    place.process = process;
  }

  #began({ worker }: Place, process: WorkerProcess): void {
    this.#options.logger.info({ worker, pid: process.pid }, 'worker serves');
    // What it was not there to be told.
    if (this.#isDraining) process.drain();
    if (this.#areViewersEnded) process.endViewers();
    const ready = this.#ready().length;
    this.#running.set(ready);
    if (ready === this.#places.length && !this.#hasStarted) {
      this.#hasStarted = true;
      this.#settleStart?.();
    }
    this.#handOver();
  }

  #lost(place: Place, process: WorkerProcess, how: string): void {
    const { worker } = place;
    const { clock, logger } = this.#options;
    place.process = undefined;
    this.#seats.leaveAll(worker);
    this.view.retire(process);
    this.#running.set(this.#ready().length);
    if (this.#isStopping) return;
    if (!this.#hasStarted) {
      this.#settleStart?.(new Error(`worker ${worker} ended at its start: ${how}`));
      return;
    }
    const restartMs = place.pace.died();
    this.#exits.add(1);
    logger.error({ worker, pid: process.pid, how, restartMs }, 'worker ended');
    place.restart = clock.after(restartMs, () => {
      this.#hire(place);
    });
  }

  #handOver(): void {
    for (let worker = this.#freest(); worker !== undefined; worker = this.#freest()) {
      const newcomer = this.#newcomers.next();
      if (newcomer === undefined) return;
      worker.take(newcomer);
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

  #ready(): WorkerProcess[] {
    return this.#processes().filter(({ isReady }) => isReady);
  }

  #processes(): WorkerProcess[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }
}
