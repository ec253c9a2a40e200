import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, expect, it } from 'vitest';
import { sharedProbe, type OwnerProbe } from './shared-probe.ts';

let clock: ManualClock;
let asked: string[];
let settle: ((answer: boolean) => void)[];
let probe: OwnerProbe;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  settle = [];
  const ask: OwnerProbe = async (address) => {
    asked.push(address);
    return new Promise((resolve) => settle.push(resolve));
  };
  probe = sharedProbe(ask, clock, 400);
});

it('asks once for all who want to know of an address at the same time', async () => {
  const all = [probe('o1:1'), probe('o1:1'), probe('o2:1')];
  expect(asked).toEqual(['o1:1', 'o2:1']);
  settle[0]?.(true);
  settle[1]?.(false);
  expect(await Promise.all(all)).toEqual([true, true, false]);
});

it('believes in silence for a while, and in an answer not a moment longer', async () => {
  const first = probe('o1:1');
  settle[0]?.(false);
  await first;
  clock.advance(399);
  expect(await probe('o1:1')).toBe(false);
  clock.advance(1);
  const second = probe('o1:1');
  settle[1]?.(true);
  expect(await second).toBe(true);
  void probe('o1:1');
  expect(asked).toHaveLength(3);
  expect(clock.pendingTimers).toBe(0);
});
