import { ManualClock } from '@headwater/contracts/testing';
import { expect, it } from 'vitest';
import { RateMeter } from './rate-meter.ts';

it('shows the rate so far during the first window', () => {
  const clock = new ManualClock();
  const meter = new RateMeter(clock);
  meter.add(1_000);
  clock.advance(1_000);
  expect(meter.bitsPerSecond).toBe(8_000);
});

it('shows the last complete window, and 0 after one without bytes', () => {
  const clock = new ManualClock();
  const meter = new RateMeter(clock);
  for (let second = 0; second < 4; second++) {
    meter.add(1_000);
    clock.advance(1_000);
  }
  expect(meter.bitsPerSecond).toBe(8_000);
  meter.add(500);
  expect(meter.bitsPerSecond).toBe(8_000);
  clock.advance(4_000);
  expect(meter.bitsPerSecond).toBe(1_000);
  clock.advance(4_000);
  expect(meter.bitsPerSecond).toBe(0);
});
