// The workers that serve a node's viewers, and the seats of these: one limit for all workers together.
import type { Clock, Logger, Metrics } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';
import { Crew, type CrewListener } from './crew.ts';
import { CrewView } from './crew-view.ts';
import type { Answers } from './questions.ts';
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

const program = new URL('./worker-main.js', import.meta.url);
const maxSilentSeconds = 15;
// Viewers stay until the node stops: there is nothing that a worker would have to be done with by a time.
const noDeadlineMs = 0;

/** The workers. Started and stopped once. */
export class WorkerCrew {
  /** What its workers have between them. */
  readonly view: CrewView;
  readonly #options: WorkerCrewOptions;
  readonly #crew: Crew<WorkerProcess>;
  readonly #seats: SeatCount;
  #isDraining = false;
  #areViewersEnded = false;

  constructor(options: WorkerCrewOptions) {
    const { clock, logger, metrics, size, maxViewers, maxWaitMs, overload } = options;
    this.#options = options;
    this.#seats = new SeatCount({ max: maxViewers, overload });
    this.#crew = new Crew<WorkerProcess>({
      clock,
      logger,
      metrics,
      size,
      maxWaitMs,
      hire: (worker, listener) => this.#hire(worker, listener),
      began: (process) => {
        // What it was not there to be told.
        if (this.#isDraining) process.drain(noDeadlineMs);
        if (this.#areViewersEnded) process.endViewers();
      },
      lost: (worker, process) => {
        this.#seats.leaveAll(worker);
        this.view.retire(process);
      },
      // Whoever it refuses goes: it would have the fewest for good, and get everybody.
      rankOf: (process) => (process.hasRoom ? 0 : 1),
    });
    this.view = new CrewView({ clock, metrics, workers: () => this.#crew.members });
  }

  /** Viewers of the whole node, those that wait for their stream included. */
  get viewers(): { readonly size: number } {
    return { size: this.#seats.taken };
  }

  /** How many workers there are to be. */
  get size(): number {
    return this.#crew.size;
  }

  /** Why nobody should be sent here; undefined while any worker serves. */
  get trouble(): string | undefined {
    return this.#crew.ready.length === 0 ? 'no worker serves' : undefined;
  }

  /** What those that serve have no room by; undefined while any of them has room. */
  get overload(): Overload | undefined {
    const { ready } = this.#crew;
    return ready.every(({ overload }) => overload !== undefined) ? ready[0]?.overload : undefined;
  }

  /** Resolves when all workers serve. Rejects when one of them cannot; none runs then. */
  async start(): Promise<void> {
    await this.#crew.start();
  }

  /** Hands a connection to a worker, now or as soon as one is free. */
  dispatch(newcomer: Newcomer): void {
    this.#crew.dispatch(newcomer);
  }

  /** No new viewers. */
  drain(): void {
    this.#isDraining = true;
    for (const process of this.#crew.ready) process.drain(noDeadlineMs);
  }

  /** Ends all viewers. */
  endViewers(): void {
    this.#areViewersEnded = true;
    for (const process of this.#crew.ready) process.endViewers();
  }

  /** Ends everything that is served, and all workers. */
  async stop(deadlineMs: number): Promise<void> {
    this.view.close();
    await this.#crew.stop(deadlineMs);
  }

  #hire(worker: number, listener: CrewListener): WorkerProcess {
    const { clock, print, setup, answers } = this.#options;
    return new WorkerProcess({
      program,
      maxSilentSeconds,
      setup: setup(worker),
      clock,
      print,
      answers: (naming) => ({
        ...answers,
        ...naming,
        seat: (seat) => {
          this.#seats.take(worker, seat);
          return undefined;
        },
      }),
      listener: {
        ...listener,
        seatLeft: (seat) => {
          this.#seats.leave(worker, seat);
        },
      },
    });
  }
}
