import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, expect, it } from 'vitest';
import { StallWatch } from './stall-watch.ts';

let clock: ManualClock;
let stalls: number;
let watch: StallWatch;

beforeEach(() => {
  clock = new ManualClock();
  stalls = 0;
  watch = new StallWatch(clock, () => stalls++);
});

it('says nothing while something keeps coming', () => {
  watch.start(2_000);
  for (let passed = 0; passed < 20_000; passed += 1_900) {
    clock.advance(1_900);
    watch.seen();
  }
  expect(stalls).toBe(0);
});

it('speaks once when nothing came for the time, however often it was started', () => {
  watch.start(2_000);
  watch.start(2_000);
  clock.advance(1_500);
  watch.seen();
  clock.advance(1_999);
  expect(stalls).toBe(0);
  clock.advance(1);
  expect(stalls).toBe(1);
  clock.advance(60_000);
  expect(stalls).toBe(1);
});

it('does not count the time in which nobody looked: what came meanwhile has not been read yet', () => {
  watch.start(2_000);
  clock.advance(1_000);
  clock.stall(8_000);
  clock.advance(0);
  expect(stalls).toBe(0);
  clock.advance(499);
  expect(stalls).toBe(0);
  clock.advance(1);
  expect(stalls).toBe(1);
});

it('speaks in the end although it is late all the time', () => {
  watch.start(2_000);
  for (let turn = 0; turn < 5; turn++) {
    clock.stall(800);
    clock.advance(0);
  }
  expect(stalls).toBe(1);
});

it('is quiet once stopped, and leaves no timer', () => {
  watch.start(2_000);
  watch.stop();
  clock.advance(60_000);
  expect(stalls).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});
