// Very many publishers may wait for one dead owner at the same time: one question is enough for all of them.
import type { Clock } from '@headwater/contracts';

/** Asks an address; resolves with whether somebody answered. Never rejects. */
export type OwnerProbe = (relayAddress: string) => Promise<boolean>;

interface Question {
  readonly answer: Promise<boolean>;
  /** Until when a silence is believed; infinity while the question is open. */
  untilMs: number;
}

/** Of silence nobody is asked again for `silentMs`; an answer is good only for those who waited for it. */
export function sharedProbe(probe: OwnerProbe, clock: Clock, silentMs: number): OwnerProbe {
  const questions = new Map<string, Question>();
  const forget = (address: string, question: Question): void => {
    if (questions.get(address) === question) questions.delete(address);
  };
  return async (address) => {
    const known = questions.get(address);
    if (known !== undefined && clock.nowMs() < known.untilMs) return known.answer;
    const question: Question = { answer: probe(address), untilMs: Number.POSITIVE_INFINITY };
    questions.set(address, question);
    const hasAnswered = await question.answer;
    if (hasAnswered) {
      forget(address, question);
    } else {
      question.untilMs = clock.nowMs() + silentMs;
      clock.after(silentMs, () => {
        forget(address, question);
      });
    }
    return hasAnswered;
  };
}
