import { beforeEach, describe, expect, it } from 'vitest';
import { OwnView } from './own-view.ts';

const leaseMs = 4_000;
let view: OwnView;

beforeEach(() => {
  view = new OwnView({ tickMs: 100, stallMs: 500, leaseMs });
});

describe('the own view', () => {
  it('is blind at the start until the registry has answered for a lease', () => {
    expect(view.blindness(60_000)).toBe('starting');
    expect(view.answered(60_000)).toBe(true);
    expect(view.answered(61_000)).toBe(false);
    expect(view.blindness(63_999)).toBe('starting');
    expect(view.blindness(64_000)).toBeUndefined();
  });

  it('is blind for a lease after the registry was away, however short that was', () => {
    view.answered(0);
    expect(view.blindness(leaseMs)).toBeUndefined();
    view.failed('registry_away');
    expect(view.blindness(leaseMs + 60_000)).toBe('registry_away');
    expect(view.answered(100_000)).toBe(true);
    expect(view.clearMs).toBe(100_000);
    expect(view.blindness(103_999)).toBe('registry_away');
    expect(view.blindness(104_000)).toBeUndefined();
  });

  it('is blind for a lease after the process stood still', () => {
    view.answered(0);
    expect(view.ticked(9_900)).toBe(false);
    expect(view.ticked(10_500)).toBe(false);
    expect(view.blindness(10_500)).toBeUndefined();
    expect(view.ticked(11_101)).toBe(true);
    expect(view.clearMs).toBe(11_101);
    expect(view.blindness(15_100)).toBe('stood_still');
    expect(view.blindness(15_101)).toBeUndefined();
  });

  it('stays blind when it stands still during an outage, and counts from the end of that', () => {
    view.answered(0);
    view.failed('registry_forgot');
    view.ticked(10_000);
    view.ticked(20_000);
    expect(view.blindness(30_000)).toBe('registry_forgot');
    view.answered(30_000);
    expect(view.blindness(33_999)).toBe('registry_forgot');
    expect(view.blindness(34_000)).toBeUndefined();
  });
});
