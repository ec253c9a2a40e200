import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, expect, it } from 'vitest';
import { ForwardPulse } from './forward-pulse.ts';

let clock: ManualClock;
let heard: string[];
let pulse: ForwardPulse;

beforeEach(() => {
  clock = new ManualClock();
  heard = [];
  pulse = new ForwardPulse(clock, {
    ask: () => heard.push('ask'),
    stopped: () => heard.push('stopped'),
  });
});

it('what does not answer four questions has stopped, which is said once', () => {
  clock.advance(60_000);
  expect(heard).toEqual(['ask', 'ask', 'ask', 'ask', 'stopped']);
  expect(clock.pendingTimers).toBe(0);
});

it('what answers now and then goes on', () => {
  for (let turn = 0; turn < 10; turn++) {
    clock.advance(3_000);
    pulse.heard();
  }
  expect(heard).not.toContain('stopped');
});

it('who stood still himself asks again before he judges', () => {
  clock.stall(60_000);
  clock.advance(0);
  expect(heard).toEqual(['ask']);
});

it('nothing is asked after the end', () => {
  pulse.close();
  clock.advance(10_000);
  expect(heard).toEqual([]);
});
