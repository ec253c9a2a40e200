// One worker as the node sees it: a child process, the connections that it was given, and what it reports.
import { fork, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@headwater/contracts';
import type { Overload } from '@headwater/edge';
import { withoutSettings } from '../config/environment.ts';
import type { OriginState } from '../origins/origin-messages.ts';
import { Questions, type Answers, type Catalogue } from './questions.ts';
import type {
  NamingQuestions,
  NodeMessage,
  NodeQuestions,
  StartFailure,
  WorkerMessage,
  WorkerPort,
  WorkerQuestions,
} from './worker-messages.ts';
import { WholeLines } from './whole-lines.ts';

/** A connection that the gate let in. */
export interface Newcomer {
  readonly port: WorkerPort;
  /** Nothing was read from it. */
  readonly socket: Socket;
  /** Gives the gate its place back. Twice does nothing. */
  readonly release: () => void;
  /** Where the peer is a proxy: to be told whose connection it is; false when the gate turns that client away. */
  readonly name?: (clientAddress: string) => boolean;
}

/** What a worker is made of. */
export interface WorkerProcessOptions<Answered extends Catalogue<Answered>> {
  /** What it runs. */
  readonly program: URL;
  /** A worker that says nothing for so many seconds serves nobody either, and is killed. */
  readonly maxSilentSeconds: number;
  /** All that the program is told. */
  readonly setup: object;
  readonly clock: Clock;
  /** Takes the worker's log: whole lines. */
  readonly print: (text: string) => void;
  /** What the node answers; who may come in is known here. */
  readonly answers: (naming: Answers<NamingQuestions>) => Answers<Answered>;
  readonly listener: WorkerListener;
}

/** Hears of a worker. */
export interface WorkerListener {
  /** It serves from now on. */
  ready(): void;
  /** It can take a connection. */
  free(): void;
  seatLeft?(seat: number): void;
  state?(state: OriginState): void;
  /** A connection did not reach it. */
  connectionLost(): void;
  /**
   * It is gone, with everything that it served. `how` is its exit code, a signal, or why it was ended; undefined when it ended
   * as it was told to.
   */
  gone(how: string | undefined, failure: StartFailure | undefined): void;
}

// A worker that does not answer in time is left out of what is shown.
const answerMs = 1_000;
// A worker that serves says how it is twice a second. One that is starting has nothing to say, and may have to wait for a core.
const lookMs = 1_000;
const startLooks = 60;
// It takes a connection at once. One that it says nothing about for so long, but speaks otherwise, did not reach it: it has
// no file descriptor left for it, for example.
const handoverLooks = 5;
/** What a stop may take beyond its deadline. */
const graceMs = 500;
const neverServed = 'stopped before it served';

/** A worker. It ends by `stop`, or by itself. */
export class WorkerProcess<
  Asked extends Catalogue<Asked> = WorkerQuestions,
  Answered extends Catalogue<Answered> = NodeQuestions,
> {
  readonly #options: WorkerProcessOptions<Answered>;
  readonly #child: ChildProcess;
  readonly #questions: Questions<Asked, Answered>;
  /** The gate's passes of its connections. */
  readonly #connections = new Map<number, Pick<Newcomer, 'release' | 'name'>>();
  readonly #watch: Timer;
  /** Whether it ended as it was told to. */
  readonly #closed: Promise<boolean>;
  #lastConnection = 0;
  #isReady = false;
  #isStopping = false;
  /** The connection that is on its way. */
  #handingOver: number | undefined;
  #isGone = false;
  #killedFor: string | undefined;
  #failure: StartFailure | undefined;
  #looksWithoutWord = 0;
  #looksHandingOver = 0;
  #bytesWritten = 0;
  #cpuMicros = 0;
  #overload: Overload | undefined;

  constructor(options: WorkerProcessOptions<Answered>) {
    this.#options = options;
    const { clock } = options;
    const answers = options.answers({
      named: ({ connection, clientAddress }) =>
        this.#connections.get(connection)?.name?.(clientAddress) ?? false,
    });
    this.#child = fork(options.program, [], {
      // What a worker prints passes through here; where the log goes is the node's to know.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: withoutSettings(process.env),
      // A debugger's port is taken by the node.
      execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
    });
    const send = (message: NodeMessage): void => {
      this.#send(message);
    };
    this.#questions = new Questions({ clock, answerMs, send, answers });
    this.#child.on('message', (message) => {
      this.#hear(message as WorkerMessage);
    });
    this.#readOutput();
    this.#closed = this.#untilClosed();
    this.#watch = clock.every(lookMs, () => {
      this.#look();
    });
    this.#send({ type: 'setup', setup: options.setup });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether it serves. */
  get isReady(): boolean {
    return this.#isReady && !this.#isStopping && !this.#isGone;
  }

  /** Whether it can be given a connection now: one is on its way at a time, so that none is lost in a queue. */
  get isFree(): boolean {
    return this.isReady && this.#handingOver === undefined;
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

  /** Why it has no room for newcomers, as it said last; undefined while it has. */
  get overload(): Overload | undefined {
    return this.#overload;
  }

  /** Whether newcomers do well to wait for it; one that says nothing may have stopped. */
  get hasRoom(): boolean {
    return this.#overload === undefined && this.#looksWithoutWord <= 1;
  }

  /** Asks the worker; rejects when it is gone, or does not answer in time. */
  async ask<What extends keyof Asked & string>(
    what: What,
    argument: Asked[What]['argument'],
  ): Promise<Asked[What]['answer']> {
    return this.#questions.ask(what, argument);
  }

  /** Hands a connection over; only while it is free. What is on its way to a worker that dies ends with it. */
  take({ socket, ...newcomer }: Newcomer): void {
    const id = ++this.#lastConnection;
    this.#connections.set(id, newcomer);
    this.#handingOver = id;
    this.#looksHandingOver = 0;
    const { port, name } = newcomer;
    const message: NodeMessage = { type: 'connection', id, port, isProxied: name !== undefined };
    this.#child.send(message, socket, (error) => {
      if (error === null) return;
      socket.destroy();
      this.#connectionClosed(id);
      // A worker that cannot be reached any more ends, which is told elsewhere.
      if (this.#child.connected) this.#handedOver(id);
    });
  }

  /** Takes nobody new, and moves those that can be moved until the deadline. */
  drain(deadlineMs: number): void {
    this.#send({ type: 'drain', deadlineMs });
  }

  /** So many publishers of the same limit are at other origins. */
  tellPublishersElsewhere(publishers: number): void {
    this.#send({ type: 'publishers-elsewhere', publishers });
  }

  /** Ends its viewers politely, and takes no more. */
  endViewers(): void {
    this.#send({ type: 'end-viewers' });
  }

  /** Ends everything politely, then the process; cut at the deadline. False when it did not end well. Twice does nothing more. */
  async stop(deadlineMs: number): Promise<boolean> {
    if (!this.#isStopping && !this.#isGone) {
      this.#isStopping = true;
      // Before it serves it listens to nothing, and has nobody to be polite to.
      if (!this.#isReady) this.#kill(neverServed);
      this.#send({ type: 'stop', deadlineMs });
      const cut = this.#options.clock.after(deadlineMs + graceMs, () => {
        this.#kill('stopped too slowly');
      });
      void this.#closed.then(() => {
        cut.cancel();
      });
    }
    return this.#closed;
  }

  #readOutput(): void {
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      const lines = new WholeLines(this.#options.print);
      output?.on('data', (bytes: Buffer) => {
        lines.read(bytes);
      });
      output?.once('end', () => {
        lines.end();
      });
    }
  }

  /** Resolves when the process is gone and all its output was read. */
  async #untilClosed(): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      let isAsTold = false;
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) {
          this.#end(error.message);
          resolve(false);
        } else {
          this.#kill(error.message);
        }
      });
      this.#child.once('exit', (code, signal) => {
        isAsTold = this.#isStopping && (code === 0 || this.#killedFor === neverServed);
        this.#end(isAsTold ? undefined : (this.#killedFor ?? signal ?? `exit code ${String(code)}`));
      });
      this.#child.once('close', () => {
        resolve(isAsTold);
      });
    });
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
        listener.ready();
        break;
      case 'failed':
        this.#failure = { exitCode: message.exitCode, text: message.text };
        break;
      case 'taken':
        this.#handedOver(message.id);
        break;
      case 'closed':
        this.#connectionClosed(message.id);
        break;
      case 'seat-left':
        listener.seatLeft?.(message.seat);
        break;
      case 'figures':
        this.#looksWithoutWord = 0;
        this.#bytesWritten = message.bytesWritten;
        this.#cpuMicros = message.cpuMicros;
        this.#overload = message.overload;
        // Who waits for another one may do better here now.
        if (this.isFree) listener.free();
        break;
      case 'state':
        this.#looksWithoutWord = 0;
        listener.state?.(message.state);
        break;
      default:
        this.#questions.hear(message);
    }
  }

  #handedOver(id: number): void {
    if (this.#handingOver !== id) return;
    this.#handingOver = undefined;
    this.#options.listener.free();
  }

  #connectionClosed(id: number): void {
    this.#connections.get(id)?.release();
    this.#connections.delete(id);
  }

  // Counted by looks and not by a clock: the node itself may have stood still.
  #look(): void {
    this.#looksWithoutWord++;
    this.#looksHandingOver++;
    const lost = this.#handingOver;
    const maxLooks = this.#isReady ? this.#options.maxSilentSeconds : startLooks;
    if (this.#looksWithoutWord > maxLooks) {
      this.#kill(`said nothing for ${maxLooks} s`);
    } else if (lost !== undefined && this.#looksHandingOver > handoverLooks && this.#looksWithoutWord <= 1) {
      this.#options.listener.connectionLost();
      this.#connectionClosed(lost);
      this.#handedOver(lost);
    }
  }

  #kill(why: string): void {
    this.#killedFor ??= why;
    this.#child.kill('SIGKILL');
  }

  #end(how: string | undefined): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#watch.cancel();
    this.#questions.close();
    for (const { release } of this.#connections.values()) release();
    this.#connections.clear();
    this.#options.listener.gone(how, this.#failure);
  }
}
