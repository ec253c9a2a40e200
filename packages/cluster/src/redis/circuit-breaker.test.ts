import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  breakerTransitions,
  CircuitBreaker,
  type BreakerEvent,
  type BreakerState,
} from './circuit-breaker.ts';

let clock: ManualClock;
let breaker: CircuitBreaker;
let changes: BreakerState[];

beforeEach(() => {
  clock = new ManualClock();
  changes = [];
  breaker = new CircuitBreaker({
    clock,
    failureLimit: 3,
    restMs: 1_000,
    changed: (state) => changes.push(state),
  });
});

function fail(times: number): void {
  for (let index = 0; index < times; index++) {
    expect(breaker.admit()).toBe(true);
    breaker.failed();
  }
}

describe('a circuit breaker', () => {
  it('has a table that leads from each state only where it may', () => {
    const states: BreakerState[] = ['closed', 'open', 'half_open'];
    const events: BreakerEvent[] = ['failed_too_often', 'rested', 'probe_succeeded', 'probe_failed'];
    const led = states.flatMap((state) =>
      events.map((event) => `${state} ${event} ${breakerTransitions[state][event] ?? '-'}`),
    );
    expect(led.filter((text) => !text.endsWith('-'))).toEqual([
      'closed failed_too_often open',
      'open rested half_open',
      'half_open probe_succeeded closed',
      'half_open probe_failed open',
    ]);
  });

  it('opens after failures in a row, and not when a success is between them', () => {
    fail(2);
    breaker.succeeded();
    fail(2);
    expect(breaker.state).toBe('closed');
    fail(1);
    expect(breaker.state).toBe('open');
    expect(breaker.admit()).toBe(false);
  });

  it('lets one call try after its rest, and closes when that succeeds', () => {
    fail(3);
    clock.advance(999);
    expect(breaker.admit()).toBe(false);
    clock.advance(1);
    expect(breaker.admit()).toBe(true);
    expect([breaker.admit(), breaker.admit()]).toEqual([false, false]);
    breaker.succeeded();
    expect([breaker.admit(), breaker.admit()]).toEqual([true, true]);
    expect(changes).toEqual(['open', 'half_open', 'closed']);
  });

  it('rests again when the try fails', () => {
    fail(3);
    clock.advance(1_000);
    expect(breaker.admit()).toBe(true);
    breaker.failed();
    expect(breaker.admit()).toBe(false);
    clock.advance(1_000);
    expect(breaker.admit()).toBe(true);
    expect(changes).toEqual(['open', 'half_open', 'open', 'half_open']);
  });

  it('tries at once when there is a reason to, and ignores the reason while it is closed', () => {
    breaker.endRest();
    expect(breaker.state).toBe('closed');
    fail(3);
    breaker.endRest();
    expect(breaker.admit()).toBe(true);
  });
});
