// One worker as the node sees it: a child process, the connections that it was given, and what it reports.
import { fork, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@headwater/contracts';
import { Questions, type Answers } from './questions.ts';
import type {
  NodeMessage,
  NodeQuestions,
  WorkerMessage,
  WorkerPort,
  WorkerQuestions,
  WorkerSetup,
} from './worker-messages.ts';
import { WholeLines } from './whole-lines.ts';

/** A connection that the gate let in. */
export interface Newcomer {
  readonly port: WorkerPort;
  /** Nothing was read from it. */
  readonly socket: Socket;
  /** Gives the gate its place back. Twice does nothing. */
  readonly release: () => void;
}

/** What a worker is made of. */
export interface WorkerProcessOptions {
  readonly setup: WorkerSetup;
  readonly clock: Clock;
  /** Takes the worker's log: whole lines. */
  readonly print: (text: string) => void;
  readonly answers: Answers<NodeQuestions>;
  readonly listener: WorkerListener;
}

/** Hears of a worker. */
export interface WorkerListener {
  /** It can take a connection. */
  free(): void;
  seatLeft(seat: number): void;
  /** It is gone, with everything that it served. `how` is its exit code, a signal, or why it could not be started. */
  gone(how: string): void;
}

const program = new URL('./worker-main.js', import.meta.url);
// A worker says how it is twice a second. One that says nothing for so many seconds serves nobody either.
const lookMs = 1_000;
const silentLooks = 15;
/** What a stop may take beyond its deadline. */
const graceMs = 500;

/** A worker. It ends by `stop`, or by itself. */
export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  readonly #child: ChildProcess;
  readonly #questions: Questions<WorkerQuestions, NodeQuestions>;
  /** What the gate gets back when a connection closes. */
  readonly #connections = new Map<number, () => void>();
  readonly #watch: Timer;
  readonly #ended: Promise<void>;
  #lastConnection = 0;
  #isReady = false;
  #isHandingOver = false;
  #isGone = false;
  #looksWithoutWord = 0;
  #bytesWritten = 0;
  #cpuMicros = 0;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    // What a worker prints passes through here; where the log goes is the node's to know.
    this.#child = fork(program, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], serialization: 'advanced' });
    this.#questions = new Questions((message) => this.#send(message), options.answers);
    this.#child.on('message', (message) => this.#hear(message as WorkerMessage));
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      const lines = new WholeLines(options.print);
      output?.on('data', (bytes: Buffer) => lines.read(bytes));
      output?.once('end', () => lines.end());
    }
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#end(how);
        resolve();
      };
      this.#child.once('error', (error) => end(error.message));
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${String(code)}`));
    });
    this.#watch = options.clock.every(lookMs, () => {
      this.#look();
    });
    this.#send({ type: 'setup', setup: options.setup });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isReady(): boolean {
    return this.#isReady && !this.#isGone;
  }

  /** Whether it can be given a connection now: one is on its way at a time, so that none is lost in a queue. */
  get isFree(): boolean {
    return this.isReady && !this.#isHandingOver;
  }

  /** How many connections it has. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Media bytes written to viewers since its start, as it said last. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** CPU time since its start, as it said last. */
  get cpuMicros(): number {
    return this.#cpuMicros;
  }

  /** Asks the worker; rejects when it is gone. */
  async ask<What extends keyof WorkerQuestions>(
    what: What,
    argument: WorkerQuestions[What]['argument'],
  ): Promise<WorkerQuestions[What]['answer']> {
    return this.#questions.ask(what, argument);
  }

  /** Hands a connection over; only while it is free. */
  take({ port, socket, release }: Newcomer): void {
    const id = ++this.#lastConnection;
    this.#connections.set(id, release);
    this.#isHandingOver = true;
    this.#child.send({ type: 'connection', id, port } satisfies NodeMessage, socket, (error) => {
      if (error === null) return;
      socket.destroy();
      this.#closed(id);
    });
  }

  /** Takes no more viewers. */
  drain(): void {
    this.#send({ type: 'drain' });
  }

  /** Ends its viewers and publishers politely, then the process; cut at the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isReady = false;
    this.#send({ type: 'stop', deadlineMs });
    const cut = this.#options.clock.after(deadlineMs + graceMs, () => this.#child.kill('SIGKILL'));
    await this.#ended;
    cut.cancel();
  }

  #send(message: NodeMessage): void {
    // What cannot be sent any more is for a process that has ended, which is told elsewhere.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #hear(message: WorkerMessage): void {
    if (this.#isGone) return;
    const { listener } = this.#options;
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        listener.free();
        break;
      case 'taken':
        this.#isHandingOver = false;
        listener.free();
        break;
      case 'closed':
        this.#closed(message.id);
        break;
      case 'seat-left':
        listener.seatLeft(message.seat);
        break;
      case 'figures':
        this.#looksWithoutWord = 0;
        this.#bytesWritten = message.bytesWritten;
        this.#cpuMicros = message.cpuMicros;
        break;
      default:
        this.#questions.hear(message);
    }
  }

  #closed(id: number): void {
    this.#connections.get(id)?.();
    this.#connections.delete(id);
  }

  // Counted by looks and not by a clock: the node itself may have stood still.
  #look(): void {
    this.#looksWithoutWord++;
    if (this.#looksWithoutWord > silentLooks) this.#child.kill('SIGKILL');
  }

  #end(how: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#watch.cancel();
    this.#questions.close();
    for (const release of this.#connections.values()) release();
    this.#connections.clear();
    this.#options.listener.gone(how);
  }
}
