import { expect, it } from 'vitest';
import { median, readCoordinate, roundTripMs } from './coordinates.ts';

const coord = { Vec: [0.003, 0.004], Error: 0.2, Adjustment: 0.001, Height: 0.002 };

it('reads a coordinate, and nothing that is malformed or was never measured', () => {
  expect(readCoordinate({ Node: 'a', Segment: 's', Coord: coord })).toEqual({
    name: 'a',
    coordinate: { vec: [0.003, 0.004], height: 0.002, adjustment: 0.001, segment: 's' },
  });
  const broken = [
    { ...coord, Error: 1.5 },
    { ...coord, Error: null },
    { ...coord, Vec: [1, 'x'] },
    { ...coord, Vec: new Array(33).fill(0) },
    { ...coord, Vec: 'x' },
    { ...coord, Height: undefined },
    { ...coord, Adjustment: Number.NaN },
  ];
  for (const Coord of [...broken, undefined, null, 5]) {
    expect(readCoordinate({ Node: 'a', Coord })).toBeUndefined();
  }
  for (const entry of [null, undefined, 'a', 5, {}]) expect(readCoordinate(entry)).toBeUndefined();
});

it('adds distance, heights and adjustments, and leaves adjustments out that make it negative', () => {
  const origin = { vec: [0, 0], height: 0.001, adjustment: 0, segment: '' };
  const point = { vec: [0.003, 0.004], height: 0.002, adjustment: 0.0005, segment: '' };
  expect(roundTripMs(origin, point)).toBeCloseTo(8.5, 9);
  expect(roundTripMs(point, origin)).toBeCloseTo(8.5, 9);
  expect(roundTripMs(origin, { ...point, adjustment: -1 })).toBeCloseTo(8, 9);
  expect(roundTripMs(origin, { ...point, vec: [1] })).toBeUndefined();
  expect(roundTripMs(origin, { ...point, segment: 'other' })).toBeUndefined();
});

it('knows the middle of odd, even and no values', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7]), median([])]).toEqual([2, 2.5, 7, undefined]);
});
