import type { Overload } from '@headwater/edge';
import { describe, expect, it } from 'vitest';
import { SeatCount } from './seat-count.ts';

const noOverload = (): Overload | undefined => undefined;

describe('SeatCount', () => {
  it('gives seats up to the limit of all workers together', () => {
    const seats = new SeatCount({ max: 2, overload: noOverload });
    seats.take(1, 1);
    seats.take(2, 1);
    expect(() => seats.take(2, 2)).toThrow(expect.objectContaining({ code: 'limit_reached' }));
    expect(seats.taken).toBe(2);
    seats.leave(1, 1);
    seats.take(2, 2);
    expect(seats.taken).toBe(2);
  });

  it('gives none while the node has too much to do', () => {
    let overload: Overload | undefined = { limit: 'egress', is: 9, max: 8 };
    const seats = new SeatCount({ max: 2, overload: () => overload });
    expect(() => seats.take(1, 1)).toThrow(expect.objectContaining({ details: overload }));
    overload = undefined;
    seats.take(1, 1);
    expect(seats.taken).toBe(1);
  });

  it('counts a seat once, and forgets it once', () => {
    const seats = new SeatCount({ max: 9, overload: noOverload });
    seats.take(1, 7);
    seats.take(1, 7);
    expect(seats.taken).toBe(1);
    seats.leave(1, 7);
    seats.leave(1, 7);
    seats.leave(2, 7);
    expect(seats.taken).toBe(0);
  });

  it('frees all seats of a worker that is gone, and no others', () => {
    const seats = new SeatCount({ max: 9, overload: noOverload });
    for (const seat of [1, 2, 3]) seats.take(1, seat);
    seats.take(2, 1);
    seats.leaveAll(1);
    seats.leaveAll(3);
    seats.leave(1, 2);
    expect(seats.taken).toBe(1);
  });
});
