import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlushPace } from './flush-pace.ts';

function paceOf(intervalMs: number, frames = 100): FlushPace {
  const pace = new FlushPace();
  for (let frame = 0; frame < frames; frame++) pace.count(Math.round(frame * intervalMs));
  return pace;
}

describe('the number of frames in a window', () => {
  it.each([
    [40, 0, 1],
    [40, 20, 1],
    [40, 100, 3],
    [40, 350, 9],
    [33.3, 100, 3],
    [16.7, 100, 6],
  ])('at a frame each %d ms and a window of %d ms is %d', (intervalMs, windowMs, frames) => {
    expect(paceOf(intervalMs).framesIn(windowMs)).toBe(frames);
  });

  it('never makes the first one wait longer than the window', () => {
    const range = { min: 0, max: 2_000 };
    fc.assert(
      fc.property(fc.integer({ ...range, min: 5 }), fc.integer(range), (intervalMs, windowMs) => {
        const pace = paceOf(Math.min(intervalMs, 1_000));
        expect((pace.framesIn(windowMs) - 1) * Math.min(intervalMs, 1_000)).toBeLessThanOrEqual(windowMs);
      }),
    );
  });

  it('is one until the distance of frames is known', () => {
    expect(paceOf(40, 1).framesIn(350)).toBe(1);
    expect(paceOf(40, 2).framesIn(350)).toBe(9);
  });

  it('follows a stream whose frames come at another distance, and heeds no gap and no step back', () => {
    const pace = paceOf(40);
    const endMs = 99 * 40;
    pace.count(endMs + 60_000);
    pace.count(endMs);
    expect(pace.framesIn(100)).toBe(3);
    for (let frame = 1; frame <= 50; frame++) pace.count(endMs + frame * 20);
    expect(pace.framesIn(100)).toBe(5);
  });
});

describe('the turns of groups', () => {
  it('come once in a round for each of them, no more than needed at the same frame', () => {
    const pace = paceOf(40);
    const turns = Array.from({ length: 9 }, (_, frame) => {
      pace.count(100_000 + frame * 40);
      return Array.from({ length: 20 }, (__, group) => group).filter((group) => pace.isTurn(group, 9));
    });
    expect(turns.flat().toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: 20 }, (_, group) => group),
    );
    expect(Math.max(...turns.map((groups) => groups.length))).toBe(3);
  });

  it('are not counted on by a second message of the same time', () => {
    const pace = paceOf(40);
    const before = [0, 1, 2].map((group) => pace.isTurn(group, 3));
    pace.count(99 * 40);
    expect([0, 1, 2].map((group) => pace.isTurn(group, 3))).toEqual(before);
  });
});
