import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeTimes } from './decode-times.ts';

describe('decoding times', () => {
  it('are the presentation times where nothing is reordered', () => {
    const times = new DecodeTimes();
    expect([0, 40, 80].map((ms) => times.next(ms))).toEqual([
      { decodeMs: 0, compositionMs: 0 },
      { decodeMs: 40, compositionMs: 0 },
      { decodeMs: 80, compositionMs: 0 },
    ]);
  });

  it('lie before the presentation once it is known how many pictures are reordered', () => {
    // I P B B P B B, shown 0 3 1 2 6 4 5.
    const shown = [0, 120, 40, 80, 240, 160, 200];
    const times = new DecodeTimes();
    times.learn(shown);
    expect(shown.map((ms) => times.next(ms).decodeMs)).toEqual([0, 0, 40, 80, 120, 160, 200]);
  });

  it('never go back, and never lose the time of presentation, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { maxLength: 200 }), (shown) => {
        const times = new DecodeTimes();
        let last = -Infinity;
        for (const ms of shown) {
          const { decodeMs, compositionMs } = times.next(ms);
          expect(decodeMs).toBeGreaterThanOrEqual(last);
          expect(decodeMs + compositionMs).toBe(ms);
          last = decodeMs;
        }
      }),
    );
  });
});
