import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { RestartPace } from './restart-pace.ts';

describe('RestartPace', () => {
  it('replaces a worker that has served for long almost at once, every time', () => {
    const clock = new ManualClock();
    const pace = new RestartPace(clock);
    const pauses = [1, 2, 3].map(() => {
      pace.started();
      clock.advance(60_000);
      return pace.died();
    });
    expect(pauses).toEqual([100, 100, 100]);
  });

  it('waits twice as long after each worker that dies early, up to half a minute', () => {
    const clock = new ManualClock();
    const pace = new RestartPace(clock);
    const pauses = Array.from({ length: 11 }, () => {
      pace.started();
      clock.advance(1_000);
      return pace.died();
    });
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(pauses.slice(-2)).toEqual([30_000, 30_000]);
    pace.started();
    clock.advance(60_000);
    expect(pace.died()).toBe(100);
  });
});
