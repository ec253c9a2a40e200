// The worker processes of a node, whatever they do: keeps them at their number, and hands each connection to the one that
// has the fewest.
import type { Clock, Counter, Gauge, Logger, Metrics, Timer } from '@headwater/contracts';
import { NewcomerQueue } from './newcomer-queue.ts';
import { RestartPace } from './restart-pace.ts';
import type { StartFailure } from './worker-messages.ts';
import type { Newcomer } from './worker-process.ts';

/** A process as its crew needs it. */
export interface CrewMember {
  readonly pid: number | undefined;
  readonly isReady: boolean;
  readonly isFree: boolean;
  readonly connections: number;
  take(newcomer: Newcomer): void;
  stop(deadlineMs: number): Promise<boolean>;
}

/** What a process tells its crew. */
export interface CrewListener {
  ready(): void;
  free(): void;
  connectionLost(): void;
  /** Without `how` it ended as it was told to. */
  gone(how: string | undefined, failure: StartFailure | undefined): void;
}

/** What a crew is made of. */
export interface CrewOptions<Member extends CrewMember> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How many processes. */
  readonly size: number;
  /** How long a connection may wait for one that is free. */
  readonly maxWaitMs: number;
  /** Starts the process of a place; places are counted from 1. */
  readonly hire: (place: number, listener: CrewListener) => Member;
  /** It serves from now on. */
  readonly began: (member: Member) => void;
  readonly lost: (place: number, member: Member) => void;
  /** Connections go to processes of the lowest rank that there is. Left out: all are alike. */
  readonly rankOf?: (member: Member) => number;
}

interface Place<Member> {
  readonly worker: number;
  readonly pace: RestartPace;
  process: Member | undefined;
  restart: Timer | undefined;
}

/** A worker could not start, for a reason that is no fault of the program. */
export class WorkerStartError extends Error {
  readonly failure: StartFailure;

  constructor(failure: StartFailure) {
    super(failure.text);
    this.name = 'WorkerStartError';
    this.failure = failure;
  }
}

// More than the system keeps for a port whose program does not accept.
const maxNewcomers = 4_096;

/** The processes. Started and stopped once. */
export class Crew<Member extends CrewMember> {
  readonly #options: CrewOptions<Member>;
  readonly #places: readonly Place<Member>[];
  readonly #newcomers: NewcomerQueue;
  readonly #running: Gauge;
  readonly #exits: Counter;
  readonly #lostConnections: Counter;
  #settleStart: ((error?: Error) => void) | undefined;
  #hasStarted = false;
  #isReplacing = true;

  constructor(options: CrewOptions<Member>) {
    const { clock, metrics, size, maxWaitMs } = options;
    this.#options = options;
    this.#newcomers = new NewcomerQueue({ clock, metrics, maxNewcomers, maxWaitMs });
    this.#places = Array.from({ length: size }, (_, index) => ({
      worker: index + 1,
      pace: new RestartPace(clock),
      process: undefined,
      restart: undefined,
    }));
    this.#running = metrics.gauge({
      name: 'headwater_workers',
      help: 'Worker processes that serve: viewers at an edge, publishers at an origin.',
    });
    this.#exits = metrics.counter({
      name: 'headwater_worker_exits_total',
      help: 'Worker processes that ended although they were wanted; each was replaced.',
    });
    this.#lostConnections = metrics.counter({
      name: 'headwater_worker_lost_connections_total',
      help: 'Connections that did not reach the worker that they were handed to, e.g. for want of a file descriptor there.',
    });
  }

  /** How many processes there are to be. */
  get size(): number {
    return this.#places.length;
  }

  /** Those that are there, whether they serve yet or not. */
  get members(): Member[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }

  /** Those that serve. */
  get ready(): Member[] {
    return this.members.filter(({ isReady }) => isReady);
  }

  /** Resolves when all serve. Rejects when one of them cannot; none runs then. */
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

  /** Hands a connection to a process, now or as soon as one is free. */
  dispatch(newcomer: Newcomer): void {
    this.#newcomers.add(newcomer);
    this.#handOver();
  }

  /** A process that ends from now on is not replaced. */
  stopReplacing(): void {
    this.#isReplacing = false;
    for (const { restart } of this.#places) restart?.cancel();
  }

  /** Ends everything that is served, and all processes. False when one of them did not end well. */
  async stop(deadlineMs: number): Promise<boolean> {
    this.stopReplacing();
    this.#newcomers.close();
    const ends = await Promise.all(this.members.map(async (process) => process.stop(deadlineMs)));
    return ends.every((isClean) => isClean);
  }

  #hire(place: Place<Member>): void {
    const { logger, hire } = this.#options;
    const { worker } = place;
    place.restart = undefined;
    place.pace.started();
    const process = hire(worker, {
      ready: () => {
        this.#began(place, process);
      },
      free: () => {
        this.#handOver();
      },
      connectionLost: () => {
        this.#lostConnections.add(1);
        logger.warn({ worker, pid: process.pid }, 'worker did not get a connection');
      },
      gone: (how, failure) => {
        this.#lost(place, process, { how, failure });
      },
    });
    place.process = process;
  }

  #began({ worker }: Place<Member>, process: Member): void {
    this.#options.logger.info({ worker, pid: process.pid }, 'worker serves');
    this.#options.began(process);
    const ready = this.ready.length;
    this.#running.set(ready);
    if (ready === this.#places.length && !this.#hasStarted) {
      this.#hasStarted = true;
      this.#settleStart?.();
    }
    this.#handOver();
  }

  #lost(
    place: Place<Member>,
    process: Member,
    { how, failure }: { readonly how: string | undefined; readonly failure: StartFailure | undefined },
  ): void {
    const { worker } = place;
    const { clock, logger, lost } = this.#options;
    place.process = undefined;
    lost(worker, process);
    this.#running.set(this.ready.length);
    if (!this.#hasStarted) {
      const ended = new Error(`worker ${worker} ended at its start: ${how ?? 'it was stopped'}`);
      this.#settleStart?.(failure === undefined ? ended : new WorkerStartError(failure));
      return;
    }
    if (!this.#isReplacing) {
      if (how !== undefined) logger.error({ worker, pid: process.pid, how }, 'worker ended');
      return;
    }
    const restartMs = place.pace.died();
    this.#exits.add(1);
    const why = failure === undefined ? {} : { why: failure.text };
    logger.error({ worker, pid: process.pid, how, ...why, restartMs }, 'worker ended');
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

  // One of a higher rank is no choice while those of a lower one are just busy with a handover: they are free in a moment.
  #freest(): Member | undefined {
    const rankOf = this.#options.rankOf ?? (() => 0);
    const { ready } = this;
    const best = Math.min(...ready.map(rankOf));
    const free = ready.filter((process) => process.isFree && rankOf(process) === best);
    return free.sort((a, b) => a.connections - b.connections)[0];
  }
}
