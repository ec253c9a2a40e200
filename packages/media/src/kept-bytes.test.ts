import { describe, expect, it } from 'vitest';
import { keptBytes } from './kept-bytes.ts';

describe('keptBytes', () => {
  it('are the view itself when it is at least half of the memory under it', () => {
    const view = Buffer.allocUnsafeSlow(100).subarray(50);
    expect(keptBytes(view)).toBe(view);
  });

  it('are a copy in memory of its own when the view is less than that', () => {
    const view = Buffer.alloc(100, 7).subarray(51);
    const kept = keptBytes(view);
    expect(kept.equals(view)).toBe(true);
    expect(kept.buffer.byteLength).toBe(49);
  });
});
