// A worker's end of the channel to its node. When the channel closes the node is gone, and so is the worker, at once: its
// ports were the node's, and whoever starts the node again shall find nothing left of it.
import type { Socket } from 'node:net';
import type { Clock } from '@headwater/contracts';
import { Questions, type Answers, type Catalogue } from './questions.ts';
import type { NodeMessage, NodeQuestions, WorkerMessage, WorkerPort } from './worker-messages.ts';

type ConnectionMessage = Extract<NodeMessage, { readonly type: 'connection' }>;

/** What the node wants of a worker. */
export interface WorkerDuties<Answered extends Catalogue<Answered>> {
  readonly answers: Answers<Answered>;
  /**
   * Serves a connection; nothing was read from it. Where it is a proxy's, `name` tells the node whose connection it is, and says
   * false when that client is not to be served.
   */
  serve(port: WorkerPort, socket: Socket, name?: (clientAddress: string) => Promise<boolean>): void;
  drain(deadlineMs: number): void;
  endViewers?(): void;
  publishersElsewhere?(publishers: number): void;
  stop(deadlineMs: number): void;
}

// What the node answers is known at once, or waits for its registry.
const answerMs = 5_000;

/** The channel. What a node has no part in it is not asked. */
export class WorkerLink<Answered extends Catalogue<Answered>> {
  readonly #duties: WorkerDuties<Answered>;
  readonly #questions: Questions<NodeQuestions, Answered>;

  constructor(clock: Clock, duties: WorkerDuties<Answered>) {
    this.#duties = duties;
    const send = (message: WorkerMessage): void => {
      this.send(message);
    };
    this.#questions = new Questions({ clock, answerMs, send, answers: duties.answers });
    process.on('message', (message, handle) =>
      this.#hear(message as NodeMessage, handle as Socket | undefined),
    );
  }

  /** `sent` is called when the message is on its way. */
  send(message: WorkerMessage, sent: () => void = () => undefined): void {
    // What cannot be sent is for a node that is gone.
    if (process.connected) process.send?.(message, undefined, undefined, sent);
  }

  /** Asks the node. */
  async ask<What extends keyof NodeQuestions>(
    what: What,
    argument: NodeQuestions[What]['argument'],
  ): Promise<NodeQuestions[What]['answer']> {
    return this.#questions.ask(what, argument);
  }

  #hear(message: NodeMessage, socket: Socket | undefined): void {
    switch (message.type) {
      case 'setup':
        break;
      case 'connection':
        this.#serve(message, socket);
        break;
      case 'drain':
        this.#duties.drain(message.deadlineMs);
        break;
      case 'end-viewers':
        this.#duties.endViewers?.();
        break;
      case 'publishers-elsewhere':
        this.#duties.publishersElsewhere?.(message.publishers);
        break;
      case 'stop':
        this.#duties.stop(message.deadlineMs);
        break;
      default:
        this.#questions.hear(message);
    }
  }

  #serve({ id, port, isProxied }: ConnectionMessage, socket: Socket | undefined): void {
    this.send({ type: 'taken', id });
    const closed = (): void => this.send({ type: 'closed', id });
    // Its peer was gone before it could be passed on.
    if (socket === undefined) {
      closed();
      return;
    }
    socket.on('error', () => socket.destroy());
    socket.once('close', closed);
    const name = async (clientAddress: string): Promise<boolean> =>
      this.ask('named', { connection: id, clientAddress });
    this.#duties.serve(port, socket, isProxied ? name : undefined);
  }
}
