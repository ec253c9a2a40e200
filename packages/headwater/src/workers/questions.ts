// Questions over a channel that carries messages both ways: each end may ask, and each answers what it knows.
import { AppError, toAppError } from '@headwater/contracts';
import type { Answer, Question } from './worker-messages.ts';

/** Questions by name: what is given, and what comes back. */
type Catalogue<Q> = { readonly [What in keyof Q]: { readonly argument: unknown; readonly answer: unknown } };

/** Answers every question of a catalogue; rejecting is an answer, too. */
export type Answers<Q extends Catalogue<Q>> = {
  readonly [What in keyof Q]: (
    argument: Q[What]['argument'],
  ) => Promise<Q[What]['answer']> | Q[What]['answer'];
};

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/** One end: asks `Asked` of the other, and answers it `Answered`. */
export class Questions<Asked extends Catalogue<Asked>, Answered extends Catalogue<Answered>> {
  readonly #send: (message: Question | Answer) => void;
  readonly #answers: Answers<Answered>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosed = false;

  constructor(send: (message: Question | Answer) => void, answers: Answers<Answered>) {
    this.#send = send;
    this.#answers = answers;
  }

  /** Rejects with the other end's `AppError`, or with `internal` when that end is gone. Has no deadline of its own. */
  async ask<What extends keyof Asked & string>(
    what: What,
    argument: Asked[What]['argument'],
  ): Promise<Asked[What]['answer']> {
    if (this.#isClosed) throw gone();
    const id = ++this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ type: 'question', id, what, argument });
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
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
  }

  async #answer({ id, what, argument }: Question): Promise<void> {
    try {
      const answer = this.#answers[what as keyof Answered];
      const value = await answer(argument);
      if (!this.#isClosed) this.#send({ type: 'answer', id, value });
    } catch (caught) {
      const { code, details } = toAppError(caught);
      if (!this.#isClosed) this.#send({ type: 'answer', id, error: { code, details } });
    }
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new AppError(error.code, { details: error.details }));
  }
}

function gone(): AppError {
  return new AppError('internal', { details: { what: 'the other process is gone' } });
}
