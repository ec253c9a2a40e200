import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame } from './frame.ts';
import { testFrames } from './testing/index.ts';
import { TimelineRig, irregularities, isMedia } from './testing/timeline-rig.ts';

describe('any run of sessions on a Timeline', () => {
  const session = fc.record({
    epochStep: fc.constantFrom(-1, 1, 1, 1, 2),
    pauseMs: fc.constantFrom(0, 30, 700, 5_000, 30_000),
    from: fc.nat(60),
    count: fc.integer({ min: 1, max: 150 }),
    video: fc.constantFrom<'avc1' | 'hvc1' | 'av01' | 'none'>('avc1', 'avc1', 'hvc1', 'av01', 'none'),
    audio: fc.constantFrom<'mp4a' | 'Opus' | '.mp3' | 'none'>('mp4a', 'mp4a', 'Opus', '.mp3', 'none'),
    startTimestampMs: fc.oneof(fc.constant(0), fc.nat(2 ** 31), fc.integer({ min: 2 ** 31, max: 2 ** 42 })),
    isBurst: fc.boolean(),
    seed: fc.nat(1000),
  });

  it('rises in every kind, keeps picture and sound together, and never shows what it must not', () => {
    fc.assert(
      fc.property(fc.array(session, { minLength: 1, maxLength: 5 }), (sessions) => {
        const rig = new TimelineRig();
        const sources = new Map<Buffer, { epoch: number; frame: Frame }>();
        const used = new Set<number>();
        let epoch = 10;
        for (const { epochStep, pauseMs, from, count, isBurst, ...options } of sessions) {
          epoch += epochStep;
          while (used.has(epoch)) epoch++;
          used.add(epoch);
          const all = testFrames({
            seconds: 3,
            gopSeconds: 0.5,
            videoBitrate: 20_000,
            audioBitrate: 8_000,
            ...options,
          });
          const headers = all.filter((frame) => !isMedia(frame));
          const frames = [...headers, ...all.filter(isMedia).slice(from, from + count)];
          for (const frame of frames) sources.set(frame.payload, { epoch, frame });
          rig.pause(pauseMs);
          if (isBurst) rig.burst(epoch, frames);
          else rig.play(epoch, frames);
        }
        expect(irregularities(rig.frames)).toEqual([]);
        let highest = -1;
        let isAtStart = false;
        let offsetMs = 0;
        rig.frames.forEach((frame, index) => {
          const at = rig.splicedAt.indexOf(index);
          if (at >= 0) {
            isAtStart = true;
            offsetMs = rig.splices[at]?.offsetMs ?? NaN;
          }
          const source = sources.get(frame.payload);
          expect(source).toBeDefined();
          if (source === undefined) return;
          // Nothing of a lower epoch after a higher one began.
          expect(source.epoch).toBeGreaterThanOrEqual(highest);
          highest = source.epoch;
          if (!isMedia(frame)) return;
          // One offset for audio and video, exactly.
          expect(frame.timestampMs - source.frame.timestampMs).toBe(offsetMs);
          if (isAtStart) expect(frame.kind === 'audio' || frame.role === 'keyframe').toBe(true);
          isAtStart = false;
        });
        // The first session that shows anything keeps its times.
        expect(rig.splices[0]?.offsetMs ?? 0).toBe(0);
        const epochs = rig.splices.map((splice) => splice.epoch);
        expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
      }),
      { numRuns: 80 },
    );
  });

  it('rises in every kind for frames of any time in any order', () => {
    const all = testFrames({ seconds: 1, gopSeconds: 0.2, videoBitrate: 20_000, audioBitrate: 8_000 });
    const step = fc.record({
      pick: fc.nat(all.length - 1),
      epoch: fc.constantFrom(1, 1, 1, 1, 2),
      timestampMs: fc.oneof(fc.nat(3000), fc.nat(100_000), fc.nat(2 ** 40)),
      pauseMs: fc.constantFrom(0, 10, 40, 400, 3000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const rig = new TimelineRig().burst(1, all.slice(0, 4));
        steps.forEach(({ pick, epoch, timestampMs, pauseMs }, index) => {
          const frame = all[pick];
          if (frame === undefined) return;
          rig.pause(pauseMs).burst(epoch, [{ ...frame, timestampMs, sequence: 4 + index }]);
        });
        expect(irregularities(rig.frames)).toEqual([]);
        rig.splicedAt.forEach((at, index) => {
          const first = rig.frames.slice(at).find(isMedia);
          expect(first === undefined || first.kind === 'audio' || first.role === 'keyframe').toBe(true);
          expect(rig.frames[at]?.timestampMs).toBe(rig.splices[index]?.atMs);
        });
      }),
      { numRuns: 200 },
    );
  });
});
