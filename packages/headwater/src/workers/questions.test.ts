import { AppError } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Questions } from './questions.ts';
import type { Answer, Question } from './worker-messages.ts';

interface Sums {
  readonly sum: { readonly argument: readonly number[]; readonly answer: number };
}

interface Greetings {
  readonly greet: { readonly argument: undefined; readonly answer: undefined };
}

const answerMs = 1_000;
let clock: ManualClock;
let asker: Questions<Sums, Greetings>;
let answerer: Questions<Greetings, Sums>;
/** What is on its way, while `isHeld`. */
let held: (() => void)[];
let isHeld: boolean;

beforeEach(() => {
  clock = new ManualClock();
  held = [];
  isHeld = false;
  const way = (hear: (message: Question | Answer) => void) => (message: Question | Answer) => {
    const carry = (): void => hear(structuredClone(message));
    if (isHeld) held.push(carry);
    else carry();
  };
  const sum = (numbers: readonly number[]): number => {
    if (numbers.length === 0) throw new AppError('limit_reached', { details: { max: 1 } });
    return numbers.reduce((all, number) => all + number, 0);
  };
  const greet = (): undefined => undefined;
  const toAnswerer = way((message) => answerer.hear(message));
  asker = new Questions<Sums, Greetings>({ clock, answerMs, send: toAnswerer, answers: { greet } });
  const toAsker = way((message) => asker.hear(message));
  answerer = new Questions<Greetings, Sums>({ clock, answerMs, send: toAsker, answers: { sum } });
});

describe('Questions', () => {
  it('brings each answer to who asked, in whatever order they come', async () => {
    isHeld = true;
    const answers = Promise.all([asker.ask('sum', [1, 2]), asker.ask('sum', [3, 4])]);
    for (const carry of held.splice(0).reverse()) carry();
    await Promise.resolve();
    for (const carry of held.splice(0)) carry();
    expect(await answers).toEqual([3, 7]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects with what the other end threw', async () => {
    await expect(asker.ask('sum', [])).rejects.toMatchObject({ code: 'limit_reached', details: { max: 1 } });
  });

  it('rejects when no answer comes in time, and takes no notice of one that comes later', async () => {
    isHeld = true;
    const answer = asker.ask('sum', [1]);
    clock.advance(answerMs);
    await expect(answer).rejects.toMatchObject({ code: 'internal' });
    for (const carry of held.splice(0)) carry();
    await Promise.resolve();
    for (const carry of held.splice(0)) carry();
    isHeld = false;
    expect(await asker.ask('sum', [2])).toBe(2);
  });

  it('rejects what waits, and what is asked later, when the other end is gone', async () => {
    isHeld = true;
    const answer = asker.ask('sum', [1]);
    asker.close();
    await expect(answer).rejects.toMatchObject({ code: 'internal' });
    await expect(asker.ask('sum', [1])).rejects.toMatchObject({ code: 'internal' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('answers nothing any more once it is closed', async () => {
    isHeld = true;
    void asker.ask('sum', [1]).catch(() => undefined);
    const [question] = held.splice(0);
    question?.();
    answerer.close();
    await Promise.resolve();
    expect(held).toHaveLength(0);
    asker.close();
  });

  it('takes no more questions than an end that stands still should be asked', async () => {
    isHeld = true;
    const waiting = Array.from({ length: 10_000 }, async () => asker.ask('sum', [1]));
    await expect(asker.ask('sum', [1])).rejects.toMatchObject({ code: 'internal' });
    asker.close();
    expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  });
});
