// Questions over a channel that carries messages both ways: each end may ask, and each answers what it knows.
import { AppError, toAppError, type Clock, type Timer } from '@headwater/contracts';
import type { Answer, Question } from './worker-messages.ts';

/** Questions by name: what is given, and what comes back. */
export type Catalogue<Q> = {
  readonly [What in keyof Q]: { readonly argument: unknown; readonly answer: unknown };
};

/** Answers every question of a catalogue; rejecting is an answer, too. */
export type Answers<Q extends Catalogue<Q>> = {
  readonly [What in keyof Q]: (
    argument: Q[What]['argument'],
  ) => Promise<Q[What]['answer']> | Q[What]['answer'];
};

/** What one end is made of. */
export interface QuestionsOptions<Answered extends Catalogue<Answered>> {
  readonly clock: Pick<Clock, 'after'>;
  /** How long the other end may take to answer. */
  readonly answerMs: number;
  readonly send: (message: Question | Answer) => void;
  readonly answers: Answers<Answered>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
  readonly timer: Timer;
}

// What waits for an end that stands still; each of them holds somebody's request.
const maxWaiting = 10_000;

/** One end: asks `Asked` of the other, and answers it `Answered`. */
export class Questions<Asked extends Catalogue<Asked>, Answered extends Catalogue<Answered>> {
  readonly #options: QuestionsOptions<Answered>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosed = false;

  constructor(options: QuestionsOptions<Answered>) {
    this.#options = options;
  }

  /** Rejects with the other end's `AppError`, or with `internal` when that end is gone or does not answer in time. */
  async ask<What extends keyof Asked & string>(
    what: What,
    argument: Asked[What]['argument'],
  ): Promise<Asked[What]['answer']> {
    if (this.#isClosed) throw unanswered('the other process is gone');
    if (this.#waiting.size >= maxWaiting) throw unanswered('the other process has too much to answer');
    const { clock, answerMs, send } = this.#options;
    const id = ++this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      const timer = clock.after(answerMs, () => {
        this.#waiting.delete(id);
        reject(unanswered(`the other process did not answer within ${answerMs} ms`));
      });
      this.#waiting.set(id, { resolve, reject, timer });
      send({ type: 'question', id, what, argument });
    });
  }

  /** Takes what came from the other end. */
  hear(message: Question | Answer): void {
    if (message.type === 'question') void this.#answer(message);
    else this.#settle(message);
  }

  /** The other end is gone: nothing will be answered any more. */
  close(): void {
    this.#isClosed = true;
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel();
      reject(unanswered('the other process is gone'));
    }
    this.#waiting.clear();
  }

  async #answer({ id, what, argument }: Question): Promise<void> {
    const { answers, send } = this.#options;
    try {
      const value = await answers[what as keyof Answered](argument);
      if (!this.#isClosed) send({ type: 'answer', id, value });
    } catch (caught) {
      const { code, details } = toAppError(caught);
      if (!this.#isClosed) send({ type: 'answer', id, error: { code, details } });
    }
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    // It came too late.
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    if (error === undefined) waiting.resolve(value);
    else waiting.reject(new AppError(error.code, { details: error.details }));
  }
}

function unanswered(what: string): AppError {
  return new AppError('internal', { details: { what } });
}
