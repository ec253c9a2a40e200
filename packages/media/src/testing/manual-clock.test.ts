import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.ts';

describe('ManualClock', () => {
  it('runs what falls due in order of time, then of setting, each at its time', () => {
    const clock = new ManualClock(1000);
    const ran: string[] = [];
    const note = (name: string) => () =>
      ran.push(`${name} ${clock.nowMs().toString()} ${clock.wallMs().toString()}`);
    clock.after(20, note('b'));
    clock.after(10, note('a'));
    clock.after(20, note('c'));
    clock.after(21, note('late'));
    clock.advance(20);
    expect(ran).toEqual(['a 10 1010', 'b 20 1020', 'c 20 1020']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('repeats until cancelled, also from within', () => {
    const clock = new ManualClock();
    let runs = 0;
    const timer = clock.every(10, () => {
      if (++runs === 3) timer.cancel();
    });
    clock.advance(100);
    expect(runs).toBe(3);
    expect(clock.pendingTimers).toBe(0);
  });

  it('runs what a timer sets, within the same step', () => {
    const clock = new ManualClock();
    let atMs = 0;
    clock.after(5, () => clock.after(5, () => (atMs = clock.nowMs())));
    clock.advance(50);
    expect(atMs).toBe(10);
  });
});
