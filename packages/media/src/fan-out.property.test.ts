// Whatever viewers do, each of them sees a stream that can be played: it starts at a keyframe, no frame comes twice, none is
// missing but before a keyframe, and whoever reads has the newest one in the end.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LiveStreamRig, type Watcher } from './testing/live-stream-rig.ts';

const windows = [
  { viewers: 0, windowMs: 0 },
  { viewers: 4, windowMs: 20 },
  { viewers: 8, windowMs: 100 },
  { viewers: 253, windowMs: 350 },
];
const backlog = { softBytes: 150, softMs: 400, hardBytes: 2_000, hardMs: 1_500 };
// More than a group of a fan-out.
const manyViewers = 260;

interface Seat {
  readonly watcher: Watcher;
  /** The frame that it had before. */
  readonly after: number | undefined;
}

type Move = keyof Audience['moves'];

/** A stream with its viewers, all that ever came. */
class Audience {
  readonly rig = new LiveStreamRig({ low: windows, normal: windows });
  readonly seats: Seat[] = [];
  newest = 2;

  /** What can happen; the number says to whom, or for how long. */
  readonly moves = {
    keyframe: () => this.#push(() => this.rig.pushKeyframe()),
    inter: () => this.#push(() => this.rig.pushInter()),
    audio: () => this.#push(() => this.rig.pushAudio()),
    wait: (number: number) => this.rig.clock.advance(number % 150),
    join: () => this.#seat(this.rig.watch({ backlog })),
    joinAtNext: () => this.#seat(this.rig.watch({ backlog, from: 'next-keyframe' })),
    resume: () => this.#resume(),
    leave: (number: number) => this.#anyOf(number)?.subscription.detach(),
    leaveInNumbers: () => this.#leaveInNumbers(),
    block: (number: number) => this.#block(this.#anyOf(number)),
    drain: (number: number) => this.#anyOf(number)?.sink.drain(),
  };

  constructor(crowd: number) {
    this.rig.pushHeaders();
    this.rig.pushKeyframe();
    for (let count = 0; count < crowd; count++) this.moves.join();
  }

  #push(push: () => void): void {
    this.newest++;
    push();
  }

  #seat(watcher: Watcher, after?: number): void {
    this.seats.push({ watcher, after });
  }

  #resume(): void {
    const afterSequence = this.newest - 2;
    if (!this.rig.stream.canResumeAfter(afterSequence)) return;
    this.#seat(this.rig.watch({ backlog, from: { afterSequence } }), afterSequence);
  }

  #leaveInNumbers(): void {
    for (const { watcher } of this.seats.slice(0, manyViewers)) watcher.subscription.detach();
  }

  #anyOf(number: number): Watcher | undefined {
    return this.seats[number % Math.max(1, this.seats.length)]?.watcher;
  }

  #block(watcher: Watcher | undefined): void {
    if (watcher !== undefined) watcher.sink.isBlocked = true;
  }
}

/** The frames in the order in which they came, without headers. */
function framesOf(watcher: Watcher): { readonly isKeyframe: boolean; readonly sequence: number }[] {
  return Array.from(watcher.text().matchAll(/([Kva])(\d+)/g), ([, letter, digits]) => {
    return { isKeyframe: letter === 'K', sequence: Number(digits) };
  });
}

function expectPlayable({ watcher, after }: Seat, newest: number): void {
  let last = after;
  for (const { isKeyframe, sequence } of framesOf(watcher)) {
    if (last === undefined || sequence !== last + 1) expect(isKeyframe, watcher.text()).toBe(true);
    expect(sequence, watcher.text()).toBeGreaterThan(last ?? -1);
    last = sequence;
  }
  const { subscription, sink } = watcher;
  if (subscription.state === 'following' && !sink.isBlocked) expect(last, watcher.text()).toBe(newest);
}

const often: readonly Move[] = ['inter', 'inter', 'audio', 'audio', 'wait'];
const seldom: readonly Move[] = ['join', 'joinAtNext', 'resume', 'leave', 'block', 'drain', 'keyframe'];
const move = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...often) },
  { weight: 7, arbitrary: fc.constantFrom(...seldom) },
  { weight: 1, arbitrary: fc.constant<Move>('leaveInNumbers') },
);

it.each([0, 248, 499])('every viewer sees a stream that can be played, beside %i others', (crowd) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(move, fc.nat(1_000)), { maxLength: 120 }), (steps) => {
      const audience = new Audience(crowd);
      for (const [name, number] of steps) audience.moves[name](number);
      audience.rig.clock.advance(1_000);
      for (const seat of audience.seats) expectPlayable(seat, audience.newest);
      audience.rig.stream.close('unpublished');
      expect(audience.rig.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 40 },
  );
});
