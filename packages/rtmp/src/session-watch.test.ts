import { ManualClock } from '@headwater/contracts/testing';
import { describe, expect, it } from 'vitest';
import { LivenessWatch, Watchdog } from './session-watch.ts';

describe('Watchdog', () => {
  it('expires once, when it was not touched for its limit', () => {
    const clock = new ManualClock();
    const expiries: number[] = [];
    const watchdog = new Watchdog(clock, 1000, () => expiries.push(clock.nowMs()));
    clock.advance(900);
    watchdog.touch();
    clock.advance(999);
    expect(expiries).toEqual([]);
    clock.advance(5000);
    expect(expiries).toEqual([1900]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('looks once more when the process stood still: what came meanwhile is read first', () => {
    const clock = new ManualClock();
    const expiries: number[] = [];
    const watchdog = new Watchdog(clock, 1000, () => expiries.push(clock.nowMs()));
    clock.stall(20_000);
    clock.advance(0);
    watchdog.touch();
    clock.advance(990);
    expect(expiries).toEqual([]);
    clock.stall(20_000);
    clock.advance(0);
    clock.stall(20_000);
    clock.advance(0);
    expect(expiries).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('sets no timer for a touch', () => {
    const clock = new ManualClock();
    const watchdog = new Watchdog(clock, 1000, () => undefined);
    for (let index = 0; index < 100; index += 1) watchdog.touch();
    expect(clock.pendingTimers).toBe(1);
    watchdog.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('LivenessWatch', () => {
  function setUp(): { clock: ManualClock; watch: LivenessWatch; events: string[] } {
    const clock = new ManualClock();
    const events: string[] = [];
    const watch = new LivenessWatch({
      clock,
      pingAfterMs: 30,
      pingAnswerMs: 60,
      ping: () => events.push(`ping ${clock.nowMs()}`),
      dead: () => events.push(`dead ${clock.nowMs()}`),
    });
    return { clock, watch, events };
  }

  it('asks once after the silence, and gives up once when no answer comes', () => {
    const { clock, events } = setUp();
    clock.advance(1000);
    expect(events).toEqual(['ping 30', 'dead 90']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('begins anew with every sign of life', () => {
    const { clock, watch, events } = setUp();
    clock.advance(20);
    watch.touch();
    clock.advance(29);
    expect(events).toEqual([]);
    clock.advance(50);
    watch.touch();
    clock.advance(119);
    expect(events).toEqual(['ping 50', 'ping 129', 'dead 189']);
  });

  it('is over when stopped, also while an answer is due', () => {
    const { clock, watch, events } = setUp();
    clock.advance(31);
    watch.stop();
    clock.advance(1000);
    expect(events).toEqual(['ping 30']);
    expect(clock.pendingTimers).toBe(0);
  });
});
