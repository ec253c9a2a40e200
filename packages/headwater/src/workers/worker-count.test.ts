import { describe, expect, it } from 'vitest';
import { workerCount } from './worker-count.ts';

const cores =
  (count: number): (() => number) =>
  () =>
    count;

describe('workerCount', () => {
  it('is none where the node is one process', () => {
    expect(workerCount({ workers: 1 }, ['edge'], cores(8))).toBe(0);
    expect(workerCount({ workers: 'auto' }, ['edge'], cores(1))).toBe(0);
  });

  it('is as many as are wanted, or one for each core', () => {
    expect(workerCount({ workers: 3 }, ['origin', 'edge'], cores(8))).toBe(3);
    expect(workerCount({ workers: 'auto' }, ['edge'], cores(8))).toBe(8);
  });

  it('is none where nobody has viewers', () => {
    expect(workerCount({ workers: 4 }, ['origin', 'controller'], cores(8))).toBe(0);
  });
});
