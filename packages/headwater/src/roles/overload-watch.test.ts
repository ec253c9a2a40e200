import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { OverloadWatch, type OverloadLimits } from './overload-watch.ts';

function watch(limits: Partial<OverloadLimits>) {
  const clock = new ManualClock();
  let bytes = 0;
  let busyMs = 0;
  const overload = new OverloadWatch({
    clock,
    limits: { egressBitsPerSecond: 0, loopLagMs: 0, loopBusyShare: 0, ...limits },
    bytesWritten: () => bytes,
    loopBusyMs: () => busyMs,
  });
  const pass = (seconds: number, { megabits = 0, lateMs = 0, busy = 0 } = {}): void => {
    for (let tick = 0; tick < seconds * 10; tick++) {
      bytes += (megabits * 1e6) / 8 / 10;
      busyMs += busy * Math.max(100, lateMs);
      clock.stall(lateMs);
      clock.advance(Math.max(0, 100 - lateMs));
    }
  };
  return { clock, overload, pass };
}

describe('the egress of a node', () => {
  it('leaves room until its limit is reached, and again when it has fallen', () => {
    const { overload, pass } = watch({ egressBitsPerSecond: 50e6 });
    pass(4, { megabits: 49 });
    expect(overload.overload).toBeUndefined();
    pass(4, { megabits: 51 });
    expect(overload.overload).toEqual({ limit: 'egress', is: 51, max: 50 });
    pass(1, { megabits: 30 });
    expect(overload.overload).toBeUndefined();
  });

  it('is judged by some seconds: the burst that a newcomer starts with is no overload', () => {
    const { overload, pass } = watch({ egressBitsPerSecond: 50e6 });
    pass(4, { megabits: 10 });
    pass(0.1, { megabits: 1_000 });
    expect(overload.overload).toBeUndefined();
    expect(overload.egressBitsPerSecond).toBeGreaterThan(30e6);
  });

  it('is judged by as many seconds just after a start: the joins of all viewers at once are no overload', () => {
    const { overload, pass } = watch({ egressBitsPerSecond: 50e6 });
    pass(0.1);
    pass(0.2, { megabits: 500 });
    expect(overload.overload).toBeUndefined();
    expect(overload.egressBitsPerSecond).toBeGreaterThan(30e6);
    pass(0.2, { megabits: 500 });
    expect(overload.overload).toMatchObject({ limit: 'egress' });
  });

  it('has no limit at 0', () => {
    const { overload, pass } = watch({});
    pass(4, { megabits: 1e6, lateMs: 3_000 });
    expect(overload.overload).toBeUndefined();
  });
});

describe('an event loop', () => {
  it('that is late all the time leaves no room', () => {
    const { overload, pass } = watch({ loopLagMs: 250 });
    pass(4, { lateMs: 400 });
    expect(overload.overload).toMatchObject({ limit: 'event loop lag', max: 250 });
    pass(4);
    expect(overload.overload).toBeUndefined();
    expect(overload.loopLagMs).toBe(0);
  });

  it('that has no time left leaves no room, however little it is late', () => {
    const { overload, pass } = watch({ loopLagMs: 250, loopBusyShare: 0.57 });
    pass(4, { busy: 0.55 });
    expect(overload.overload).toBeUndefined();
    pass(1, { busy: 0.95, lateMs: 30 });
    expect(overload.overload).toEqual({ limit: 'event loop busy', is: 95, max: 57 });
  });

  it('that gets busier by two percent of its time with each look leaves no room from 80 % on, while it has time left', () => {
    const { overload, pass } = watch({ loopBusyShare: 0.8 });
    let busy = 0;
    while (overload.overload === undefined && busy < 1) pass(0.1, { busy: (busy += 0.02) });
    expect(busy).toBeGreaterThanOrEqual(0.8);
    expect(busy).toBeLessThan(0.92);
  });

  it('that was too busy leaves room again when it has been less so for some seconds', () => {
    const { overload, pass } = watch({ loopBusyShare: 0.8 });
    pass(3, { busy: 0.82 });
    for (let second = 0; second < 20; second++) {
      pass(1, { busy: second % 2 === 0 ? 0.67 : 0.73 });
      expect(overload.overload).toMatchObject({ limit: 'event loop busy' });
    }
    pass(2, { busy: 0.66 });
    expect(overload.overload).toMatchObject({ limit: 'event loop busy', is: 66 });
    pass(2, { busy: 0.66 });
    expect(overload.overload).toBeUndefined();
    pass(10, { busy: 0.79 });
    expect(overload.overload).toBeUndefined();
  });

  it('that had a second of work while it was half idle leaves room right after it', () => {
    const { overload, pass } = watch({ loopBusyShare: 0.8 });
    pass(4, { busy: 0.5 });
    pass(1, { busy: 1 });
    expect(overload.overload).toMatchObject({ limit: 'event loop busy' });
    pass(0.5, { busy: 0.5 });
    expect(overload.overload).toBeUndefined();
  });

  it('that is busy for less than a second, also just after a start, leaves room', () => {
    const { overload, pass } = watch({ loopBusyShare: 0.8 });
    pass(0.7, { busy: 1 });
    expect(overload.overload).toBeUndefined();
    pass(4);
    pass(0.7, { busy: 1 });
    expect(overload.overload).toBeUndefined();
  });

  it.each([
    { newcomersPerSecond: 100, share: 0.0002 },
    { newcomersPerSecond: 400, share: 0.0002 },
    { newcomersPerSecond: 1_000, share: 0.0002 },
    { newcomersPerSecond: 50, share: 0.002 },
  ])(
    'keeps time for those who watch, when of $newcomersPerSecond newcomers a second each takes $share of it',
    ({ newcomersPerSecond, share }) => {
      const { overload, pass } = watch({ loopBusyShare: 0.8 });
      let watching = 0;
      for (let look = 0; look < 1_000; look++) {
        const admitted = overload.overload === undefined ? newcomersPerSecond / 10 : 0;
        watching += admitted * share;
        // To come in costs as much as to watch for three seconds.
        pass(0.1, { busy: Math.min(1, watching + admitted * share * 30) });
      }
      expect(watching).toBeGreaterThan(0.55);
      expect(watching).toBeLessThan(0.85);
    },
  );

  it('that stood still once, or is just starting, leaves room', () => {
    const { overload, pass } = watch({ loopLagMs: 250 });
    pass(0.1, { lateMs: 3_000 });
    expect(overload.overload).toBeUndefined();
    pass(5);
    pass(0.1, { lateMs: 3_000 });
    expect(overload.loopLagMs).toBeGreaterThan(90);
    expect(overload.overload).toBeUndefined();
  });

  it('is looked at no more after the end', () => {
    const { clock, overload } = watch({});
    overload.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
