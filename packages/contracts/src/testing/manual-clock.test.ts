import { expect, it } from 'vitest';
import { ManualClock } from './manual-clock.ts';

it('runs timers by due time, and by their setting where that is equal', () => {
  const clock = new ManualClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push('c'));
  clock.after(10, () => ran.push('a'));
  clock.after(10, () => ran.push('b'));
  clock.after(30, () => ran.push('d'));
  clock.advance(20);
  expect([ran, clock.pendingTimers, clock.nowMs()]).toEqual([['a', 'b', 'c'], 1, 20]);
});

it('repeats a periodic timer until it is cancelled, also by itself', () => {
  const clock = new ManualClock();
  let runs = 0;
  const timer = clock.every(10, () => {
    runs++;
    if (runs === 3) timer.cancel();
  });
  clock.advance(100);
  expect([runs, clock.pendingTimers]).toEqual([3, 0]);
});

it('runs one timer at a time where asked to, none that is due later', () => {
  const clock = new ManualClock();
  const ran: number[] = [];
  clock.after(5, () => ran.push(5));
  clock.after(7, () => ran.push(7));
  expect([clock.runNext(6), clock.nowMs(), clock.runNext(6), ran]).toEqual([true, 5, false, [5]]);
});

it('does not lose its order when most of many timers are cancelled', () => {
  const clock = new ManualClock();
  const ran: number[] = [];
  for (let index = 0; index < 1_000; index++) {
    const delayMs = (index * 7_919) % 1_000;
    const timer = clock.after(delayMs, () => ran.push(delayMs));
    if (index % 10 === 0) continue;
    timer.cancel();
    timer.cancel();
  }
  expect(clock.pendingTimers).toBe(100);
  clock.advance(1_000);
  expect([clock.pendingTimers, ran.length]).toEqual([0, 100]);
  expect(ran).toEqual([...ran].sort((a, b) => a - b));
});
