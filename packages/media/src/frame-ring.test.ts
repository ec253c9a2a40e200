import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame, FrameKind } from './frame.ts';
import { FrameRing, type FrameRingOptions } from './frame-ring.ts';
import { testFrame, testFrames } from './testing/index.ts';

const bytesOf = (text: string, size = 0): Buffer =>
  Buffer.concat([Buffer.from(text, 'hex'), Buffer.alloc(size)]);
const key = (sequence: number, timestampMs: number, size = 1): Frame =>
  testFrame({ kind: 'video', payload: bytesOf('1701000000', size), sequence, timestampMs });
const inter = (sequence: number, timestampMs: number, size = 1): Frame =>
  testFrame({ kind: 'video', payload: bytesOf('2701000000', size), sequence, timestampMs });
const sound = (sequence: number, timestampMs: number, size = 1): Frame =>
  testFrame({ kind: 'audio', payload: bytesOf('af01', size), sequence, timestampMs });

function ringOf(options: FrameRingOptions, frames: readonly Frame[]): FrameRing {
  const ring = new FrameRing(options);
  for (const frame of frames) ring.push(frame);
  return ring;
}

const numbersOf = (frames: readonly Frame[] | undefined): number[] | undefined =>
  frames?.map(({ sequence }) => sequence);

describe('FrameRing with keyframes', () => {
  const frames = testFrames({ seconds: 5, gopSeconds: 2 });
  const keyframes = frames.filter(({ role }) => role === 'keyframe');
  const newest = keyframes.at(-1);

  it('starts joiners at the newest keyframe and gives all from there on', () => {
    const ring = ringOf({ keep: 'all' }, frames);
    expect(ring.gopStart).toBe(newest);
    expect(ring.gop()).toEqual(frames.slice(newest?.sequence));
  });

  it('keeps only the newest GOP when told so, and all within the bounds otherwise', () => {
    const gop = ringOf({ keep: 'gop' }, frames);
    expect(gop.firstSequence).toBe(newest?.sequence);
    expect(gop.gop()).toEqual(frames.slice(newest?.sequence));
    const all = ringOf({ keep: 'all' }, frames);
    expect(all.size).toBe(frames.length);
    expect(all.bytes).toBe(frames.reduce((sum, { payload }) => sum + payload.length, 0));
  });

  it('has no GOP before the first keyframe and after its bounds have cut into the newest one', () => {
    const ring = ringOf({ keep: 'gop', maxFrames: 5 }, [inter(0, 0), sound(1, 10)]);
    expect(ring.gop()).toEqual([]);
    for (const frame of [key(2, 20), inter(3, 40), inter(4, 60), inter(5, 80), inter(6, 100)]) {
      ring.push(frame);
    }
    expect(numbersOf(ring.gop())).toEqual([2, 3, 4, 5, 6]);
    ring.push(inter(7, 120));
    expect(ring.gopStart).toBeUndefined();
    expect(ring.gop()).toEqual([]);
    ring.push(key(8, 140));
    expect(numbersOf(ring.gop())).toEqual([8]);
  });

  it('answers with all after a number, nothing after the newest, and undefined when some are gone', () => {
    const ring = ringOf(
      { keep: 'all', maxFrames: 3 },
      [0, 1, 2, 3, 4].map((n) => inter(n, n)),
    );
    expect(numbersOf(ring.after(1))).toEqual([2, 3, 4]);
    expect(numbersOf(ring.after(3))).toEqual([4]);
    expect(ring.after(4)).toEqual([]);
    expect(ring.after(0)).toBeUndefined();
    expect(ring.after(5)).toBeUndefined();
  });

  it('finds frames by number while it has them', () => {
    const ring = ringOf({ keep: 'gop' }, [key(10, 0), inter(11, 10), key(12, 20)]);
    expect(ring.at(12)?.timestampMs).toBe(20);
    expect(ring.at(11)).toBeUndefined();
    expect(ring.at(13)).toBeUndefined();
    expect(ring.nextSequence).toBe(13);
  });

  it('waits for the next keyframe after its GOP was made invalid', () => {
    const ring = ringOf({ keep: 'all' }, [key(0, 0), inter(1, 10)]);
    ring.invalidateGop();
    ring.push(inter(2, 20));
    expect(ring.gop()).toEqual([]);
    expect(numbersOf(ring.after(-1))).toEqual([0, 1, 2]);
    ring.push(key(3, 30));
    expect(numbersOf(ring.gop())).toEqual([3]);
  });

  it('empties itself at a gap in the numbers, also at one back to 0', () => {
    const ring = ringOf({ keep: 'all' }, [key(0, 0), inter(1, 10), inter(3, 30)]);
    expect(numbersOf(ring.after(2))).toEqual([3]);
    expect(ring.after(1)).toBeUndefined();
    expect(ring.gop()).toEqual([]);
    ring.push(sound(0, 0));
    expect(numbersOf(ring.gop())).toEqual([0]);
  });

  it('is empty after clear and goes on with the next number', () => {
    const ring = ringOf({ keep: 'all' }, [key(0, 0), inter(1, 10)]);
    ring.clear();
    expect([ring.size, ring.bytes, ring.firstSequence, ring.nextSequence]).toEqual([0, 0, 2, 2]);
    ring.push(key(2, 20));
    expect(numbersOf(ring.after(1))).toEqual([2]);
  });
});

describe('FrameRing without video', () => {
  const every20ms = (count: number, from = 0): Frame[] =>
    Array.from({ length: count }, (_, index) => sound(from + index, (from + index) * 20));

  it('starts joiners 2 s back, at once', () => {
    expect(ringOf({ keep: 'all' }, every20ms(1)).gop()).toHaveLength(1);
    const ring = ringOf({ keep: 'all' }, every20ms(300));
    expect(ring.size).toBe(300);
    expect(ring.gopStart?.timestampMs).toBe(299 * 20 - 2000);
    expect(ring.gop()).toHaveLength(101);
  });

  it('keeps only those 2 s when told to keep the GOP', () => {
    expect(ringOf({ keep: 'gop' }, every20ms(300)).size).toBe(101);
  });

  it('is not misled by data with time 0 or by a clock that steps back', () => {
    const ring = ringOf({ keep: 'all' }, every20ms(300));
    ring.push(testFrame({ kind: 'data', payload: Buffer.from([2]), sequence: 300 }));
    expect(ring.gop()).toHaveLength(102);
    ring.push(sound(301, 0));
    expect(numbersOf(ring.gop())).toEqual([300, 301]);
  });

  it('takes up video at its first keyframe, and is without video again once that has aged out', () => {
    const ring = ringOf({ keep: 'all' }, every20ms(10));
    ring.push(inter(10, 200));
    expect(ring.gop()).toEqual([]);
    ring.push(key(11, 220));
    expect(numbersOf(ring.gop())).toEqual([11]);
    for (const frame of every20ms(800, 12)) ring.push(frame);
    expect(ring.gop()).toHaveLength(101);
  });

  it('starts behind a header that changed', () => {
    const ring = ringOf({ keep: 'all' }, every20ms(10));
    ring.invalidateGop();
    expect(ring.gop()).toEqual([]);
    ring.push(sound(10, 200));
    expect(numbersOf(ring.gop())).toEqual([10]);
  });

  it('treats video of an unknown codec like audio, as it has no keyframes to wait for', () => {
    const unknown = testFrame({
      kind: 'video',
      payload: bytesOf('917878787800'),
      sequence: 10,
      timestampMs: 200,
    });
    const ring = ringOf({ keep: 'all' }, [...every20ms(10), unknown]);
    expect(ring.gop()).toHaveLength(11);
  });
});

describe('the bounds of FrameRing', () => {
  const limits = { maxFrames: 20, maxBytes: 400, maxMs: 1000 };
  const step = fc.record({
    kind: fc.constantFrom<FrameKind | 'key'>('audio', 'video', 'data', 'key'),
    stepMs: fc.oneof(fc.nat(100), fc.integer({ min: -5000, max: 5000 })),
    size: fc.nat(120),
    skip: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  });

  it('hold for any stream, and the GOP starts at a keyframe or without video', () => {
    const runs = fc.array(step, { maxLength: 150 });
    fc.assert(
      fc.property(fc.constantFrom<'gop' | 'all'>('gop', 'all'), runs, (keep, steps) => {
        const ring = new FrameRing({ keep, ...limits });
        const model: Frame[] = [];
        let sequence = 0;
        let timestampMs = 0;
        for (const { kind, stepMs, size, skip } of steps) {
          sequence += skip;
          timestampMs = Math.max(0, timestampMs + stepMs);
          const make = { key, video: inter, audio: sound, data: sound }[kind];
          const frame = make(sequence, timestampMs, size);
          ring.push(frame);
          model.push(frame);
          sequence++;
          expect(ring.size).toBeLessThanOrEqual(limits.maxFrames);
          expect(ring.size).toBeGreaterThan(0);
          if (ring.size > 1) expect(ring.bytes).toBeLessThanOrEqual(limits.maxBytes);
          const held = ring.after(ring.firstSequence - 1) ?? [];
          expect(held).toEqual(model.slice(-ring.size));
          expect(ring.bytes).toBe(held.reduce((sum, { payload }) => sum + payload.length, 0));
          const gop = ring.gop();
          if (gop[0]?.role !== 'keyframe') expect(gop.every((each) => each.kind !== 'video')).toBe(true);
          if (gop.length > 0) expect(gop.at(-1)).toBe(frame);
        }
      }),
    );
  });
});
