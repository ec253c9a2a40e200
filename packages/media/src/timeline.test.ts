import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame, FrameKind } from './frame.ts';
import { Timeline, type Splice } from './timeline.ts';
import {
  ManualClock,
  type TestStreamOptions,
  enhancedVideo,
  testFrame,
  testFrames,
} from './testing/index.ts';

// A timeline with a clock that goes with the media, and a record of all that came out.
class Rig {
  readonly clock = new ManualClock();
  readonly frames: Frame[] = [];
  readonly splices: Splice[] = [];
  /** How many frames were out at each splice. */
  readonly splicedAt: number[] = [];
  readonly timeline: Timeline = new Timeline({
    clock: this.clock,
    output: {
      spliced: (splice) => {
        this.splices.push(splice);
        this.splicedAt.push(this.frames.length);
      },
      frame: (frame) => this.frames.push(frame),
    },
  });

  /** Sends frames as they fall due: the clock moves by the steps of their times. */
  play(epoch: number, frames: readonly Frame[]): this {
    let lastMs = frames[0]?.timestampMs ?? 0;
    for (const frame of frames) {
      this.clock.advance(Math.max(0, frame.timestampMs - lastMs));
      lastMs = Math.max(lastMs, frame.timestampMs);
      this.timeline.push(epoch, frame);
    }
    return this;
  }

  /** Sends frames all at once. */
  burst(epoch: number, frames: readonly Frame[]): this {
    for (const frame of frames) this.timeline.push(epoch, frame);
    return this;
  }

  pause(ms: number): this {
    this.clock.advance(ms);
    return this;
  }

  /** What came out since the newest splice. */
  get piece(): Frame[] {
    return this.frames.slice(this.splicedAt.at(-1) ?? 0);
  }
}

const stream = (options: TestStreamOptions = {}): Frame[] =>
  testFrames({ seconds: 3, gopSeconds: 1, ...options });
const renumber = (frames: readonly Frame[], from = 0): Frame[] =>
  frames.map((frame, index) => ({ ...frame, sequence: from + index }));
const isMedia = ({ kind, role }: Frame): boolean => kind !== 'data' && role !== 'header';
const briefly = ({ kind, role, timestampMs }: Frame): string => `${kind} ${role} ${timestampMs.toString()}`;
const payloads = (frames: readonly Frame[]): string[] =>
  frames.map(({ payload }) => createHash('sha1').update(payload).digest('base64'));
const last = (frames: readonly Frame[]): Frame =>
  frames.at(-1) ?? testFrame({ kind: 'data', payload: Buffer.of() });
const endOf = (frames: readonly Frame[]): number => Math.max(...frames.map(({ timestampMs }) => timestampMs));
const sound = (sequence: number, timestampMs: number): Frame =>
  testFrame({ kind: 'audio', payload: Buffer.from('af0121', 'hex'), sequence, timestampMs });
const shifted = (frames: readonly Frame[], byMs: number): Frame[] =>
  frames.map((frame) => ({ ...frame, timestampMs: frame.timestampMs + byMs }));

function expectRising(frames: readonly Frame[]): void {
  const newest: Record<FrameKind, number> = { audio: -1, video: -1, data: -1 };
  frames.forEach((frame, index) => {
    expect(frame.sequence).toBe(index);
    expect(frame.timestampMs).toBeGreaterThanOrEqual(newest[frame.kind]);
    newest[frame.kind] = frame.timestampMs;
  });
}

describe('the first session of a Timeline', () => {
  it('comes out untouched, frame by frame the same objects', () => {
    const frames = stream({ hasBFrames: true });
    const rig = new Rig().play(5, frames);
    expect(rig.frames.length).toBe(frames.length);
    rig.frames.filter(isMedia).forEach((frame) => expect(frames[frame.sequence]).toBe(frame));
    expect(rig.splices).toEqual([{ epoch: 5, cause: 'first', atMs: 0, offsetMs: 0 }]);
    expect(rig.timeline.counters).toEqual({ splices: 0, clamped: 0, dropped: 0 });
    expect(rig.timeline.epoch).toBe(5);
  });

  it.each([2 ** 31 - 100, 2 ** 32 - 100, Date.UTC(2024, 5, 1)])(
    'keeps times that start at %i',
    (startTimestampMs) => {
      const frames = stream({ startTimestampMs });
      expect(new Rig().play(1, frames).frames.map(briefly)).toEqual(frames.map(briefly));
    },
  );

  it('gives the headers the time of the keyframe that it starts with', () => {
    const frames = stream({ startTimestampMs: 5000 });
    const headers = frames.slice(0, 3).map((frame) => ({ ...frame, timestampMs: 0 }));
    const rig = new Rig().burst(1, headers);
    expect(rig.frames).toEqual([]);
    expect(rig.timeline.isWaiting).toBe(true);
    rig.burst(1, frames.slice(3));
    expect(rig.timeline.isWaiting).toBe(false);
    expect(rig.frames.slice(0, 4).map(briefly)).toEqual([
      'data metadata 5000',
      'video header 5000',
      'audio header 5000',
      'video keyframe 5000',
    ]);
  });

  it('begins at the first keyframe when it is joined in the middle of a GOP', () => {
    const frames = stream();
    const tail = frames.slice(10);
    const key = tail.findIndex(({ role }) => role === 'keyframe');
    const rig = new Rig().burst(1, frames.slice(0, 3)).play(1, tail);
    const keyMs = tail[key]?.timestampMs ?? 0;
    const expected = tail.filter(({ timestampMs }, index) => index >= key && timestampMs >= keyMs);
    expect(payloads(rig.frames.slice(3))).toEqual(payloads(expected));
    expect(rig.frames[3]?.role).toBe('keyframe');
    expectRising(rig.frames);
  });

  it('starts without video after one second of audio, by the clock or in one burst', () => {
    const frames = stream({ video: 'none', startTimestampMs: 700 });
    const slow = new Rig().play(1, frames.slice(0, 40));
    expect(slow.frames).toEqual([]);
    slow.play(1, frames.slice(40));
    const burst = new Rig().burst(1, frames);
    for (const rig of [slow, burst]) {
      expect(payloads(rig.frames)).toEqual(payloads(frames));
      expect(rig.frames[0]?.timestampMs).toBe(700);
      expectRising(rig.frames);
    }
  });

  it('waits longer for video that its headers announce', () => {
    const rig = new Rig().play(
      1,
      stream({ seconds: 9 }).filter(({ kind, role }) => kind !== 'video' || role === 'header'),
    );
    expect(rig.frames).toEqual([]);
  });

  it('passes video alone', () => {
    const frames = stream({ audio: 'none', hasMetadata: false });
    expect(new Rig().play(1, frames).frames).toEqual(frames);
  });

  it('relays video of an unknown codec as it comes', () => {
    const frames = renumber(
      stream().map((frame) => {
        if (frame.kind !== 'video') return frame;
        return testFrame({
          ...frame,
          role: 'media',
          payload: enhancedVideo({ packetType: 1, fourCc: 'xyz1', body: frame.payload }),
        });
      }),
    );
    const rig = new Rig().play(1, frames);
    expect(rig.frames.filter(({ kind }) => kind === 'video')).toHaveLength(76);
    expectRising(rig.frames);
  });

  it('drops media that needs a sequence header until one comes', () => {
    const frames = stream().filter(({ role }) => role !== 'header');
    const header = testFrame({ kind: 'video', payload: stream()[1]?.payload ?? Buffer.of() });
    const half = Math.round(frames.length / 2);
    const rig = new Rig().play(1, frames.slice(0, half));
    expect(rig.frames).toEqual([]);
    rig.burst(1, [header]).play(1, frames.slice(half));
    expect(rig.piece.find(isMedia)?.role).toBe('keyframe');
    expect(rig.piece.every(({ kind }) => kind !== 'audio')).toBe(true);
  });
});

describe('a new session on a Timeline', () => {
  const before = stream();

  it.each([
    ['the real gap', 4000, 4000],
    ['10 s at most', 60_000, 10_000],
    ['a frame at least', 0, 40],
  ])('goes on after %s', (_, pauseMs, gapMs) => {
    const after = stream({ startTimestampMs: 1_000_000, seed: 2 });
    const rig = new Rig().play(1, before);
    const endMs = endOf(rig.frames);
    rig.pause(pauseMs).play(2, after);
    expect(rig.splices.at(-1)).toEqual({
      epoch: 2,
      cause: 'epoch',
      atMs: endMs + gapMs,
      offsetMs: endMs + gapMs - 1_000_000,
    });
    expect(rig.timeline.counters).toEqual({ splices: 1, clamped: 0, dropped: 0 });
    expect(payloads(rig.piece)).toEqual(payloads(after));
    rig.piece.forEach((frame, index) => {
      expect(frame.timestampMs - (after[index]?.timestampMs ?? 0)).toBe(rig.splices.at(-1)?.offsetMs);
    });
    expectRising(rig.frames);
  });

  it('holds nothing back for long: the time it waits for its keyframe counts as gap', () => {
    const after = stream({ seed: 2 });
    const rig = new Rig().play(1, before);
    const endMs = endOf(rig.frames);
    rig.pause(1000).burst(2, after.slice(0, 3)).pause(500).play(2, after.slice(3));
    expect(rig.splices.at(-1)?.atMs).toBe(endMs + 1500);
  });

  it('begins with its headers and a keyframe, all with one time', () => {
    const after = stream({ seed: 2, startTimestampMs: 50 });
    const rig = new Rig().play(1, before).pause(100);
    rig.play(2, [...after.slice(0, 3), ...after.slice(30)]);
    const [first, second, third, key, next] = rig.piece;
    expect([first, second, third, key].map((frame) => frame?.role)).toEqual([
      'metadata',
      'header',
      'header',
      'keyframe',
    ]);
    expect(new Set([first, second, third, key].map((frame) => frame?.timestampMs)).size).toBe(1);
    expect(next?.timestampMs).toBeGreaterThanOrEqual(key?.timestampMs ?? Infinity);
  });

  it.each<[string, [number, FrameKind][], [number, FrameKind][]]>([
    [
      'keeps audio that came before the keyframe and is not older, and drops older audio',
      [
        [80, 'audio'],
        [100, 'audio'],
        [120, 'audio'],
        [100, 'video'],
        [140, 'audio'],
      ],
      [
        [100, 'video'],
        [100, 'audio'],
        [120, 'audio'],
        [140, 'audio'],
      ],
    ],
    [
      'drops older audio that comes after the keyframe',
      [
        [100, 'video'],
        [60, 'audio'],
        [90, 'audio'],
        [110, 'audio'],
        [130, 'audio'],
      ],
      [
        [100, 'video'],
        [110, 'audio'],
        [130, 'audio'],
      ],
    ],
  ])('%s', (_, sent, shown) => {
    const after = stream({ seed: 2 });
    const key = after[3] ?? last(after);
    const rig = new Rig().play(1, before).pause(1000);
    const media = sent.map(([timestampMs, kind], index) => {
      return kind === 'video' ? { ...key, timestampMs, sequence: 3 + index } : sound(3 + index, timestampMs);
    });
    rig.burst(2, [...after.slice(0, 3), ...media]);
    const offsetMs = rig.splices.at(-1)?.offsetMs ?? 0;
    expect(rig.piece.filter(isMedia).map(({ kind, timestampMs }) => [timestampMs - offsetMs, kind])).toEqual(
      shown,
    );
    expect(rig.timeline.counters.dropped).toBe(sent.length - shown.length);
  });

  it('silences all lower epochs from its first frame on, before it shows anything itself', () => {
    const rig = new Rig().play(3, before.slice(0, 50));
    const count = rig.frames.length;
    rig
      .burst(4, stream({ seed: 2 }).slice(0, 1))
      .play(3, before.slice(50))
      .play(2, before);
    expect(rig.frames).toHaveLength(count);
    expect(rig.timeline.counters.dropped).toBe(before.length - 50 + before.length);
    rig.play(4, stream({ seed: 2 }).slice(1));
    expect(rig.frames.length).toBeGreaterThan(count);
  });

  it('is the first when the one before it never came to show anything', () => {
    const after = stream({ startTimestampMs: 777 });
    const rig = new Rig().burst(1, before.slice(0, 3)).play(2, after);
    expect(rig.splices).toEqual([{ epoch: 2, cause: 'first', atMs: 777, offsetMs: 0 }]);
  });

  it('does not take over headers from the session before', () => {
    const after = renumber(stream({ video: 'hvc1', seed: 2 }).filter(({ kind }) => kind !== 'audio'));
    const rig = new Rig().play(1, before).play(2, after);
    expect(payloads(rig.piece)).toEqual(payloads(after));
  });

  it('that comes back without video is heard after 10 s of waiting for it', () => {
    const after = stream({ video: 'none', seconds: 15, seed: 2 });
    const rig = new Rig().play(1, before);
    const count = rig.frames.length;
    rig.play(
      2,
      after.filter(({ timestampMs }) => timestampMs < 9900),
    );
    expect(rig.frames).toHaveLength(count);
    rig.play(
      2,
      after.filter(({ timestampMs }) => timestampMs >= 9900),
    );
    expect(rig.piece.filter(({ kind, role }) => kind === 'audio' && role === 'media').length).toBeGreaterThan(
      250,
    );
    expectRising(rig.frames);
  });

  it('takes up video that comes after audio had begun alone, at its first keyframe', () => {
    const after = stream({ seconds: 14, seed: 2 });
    const isShown = ({ kind, timestampMs }: Frame): boolean => kind !== 'video' || timestampMs > 12_500;
    const late = renumber([...after.slice(0, 3), ...after.slice(3).filter(isShown)]);
    const rig = new Rig().play(1, before).play(2, late);
    const shown = rig.piece.filter(({ kind, role }) => kind === 'video' && role !== 'header');
    expect(shown[0]?.role).toBe('keyframe');
    expect((shown[0]?.timestampMs ?? 0) - (rig.splices.at(-1)?.offsetMs ?? 0)).toBe(13_000);
    expectRising(rig.frames);
  });

  it('after audio alone needs no long wait', () => {
    const rig = new Rig().play(1, stream({ video: 'none' })).play(2, stream({ video: 'none', seed: 2 }));
    expect(payloads(rig.piece)).toEqual(payloads(stream({ video: 'none', seed: 2 })));
  });

  it('accepts a keyframe without sequence header once the session has had 10 s to send one', () => {
    const after = renumber(stream({ seed: 2, seconds: 14 }).filter(({ role }) => role !== 'header'));
    const rig = new Rig().play(1, before).play(2, after);
    const shown = rig.piece.filter(isMedia);
    expect(shown[0]?.role).toBe('keyframe');
    expect((shown[0]?.timestampMs ?? 0) - (rig.splices.at(-1)?.offsetMs ?? 0)).toBe(10_000);
  });
});

describe('the clock of a session on a Timeline', () => {
  const frames = stream({ seconds: 6, startTimestampMs: 10_000 });
  const half = Math.round(frames.length / 2);
  const head = frames.slice(0, half);
  const tail = frames.slice(half);

  it('may step back by 500 ms: such frames are moved up to behind the one before', () => {
    const rig = new Rig().play(1, head).play(1, shifted(tail, -400));
    expectRising(rig.frames);
    expect(rig.splices).toHaveLength(1);
    expect(rig.frames).toHaveLength(frames.length);
    expect(rig.timeline.counters.clamped).toBeGreaterThan(10);
    expect(last(rig.frames).timestampMs).toBe(last(frames).timestampMs - 400);
  });

  it.each([
    ['back by 2 s', -2_000],
    ['back to 0', -10_000],
    ['ahead by an hour', 3_600_000],
    ['ahead by years', 40 * 365 * 86_400_000],
  ])('that jumps %s is cut there and goes on at the next keyframe', (_, jumpMs) => {
    const moved = shifted(tail, jumpMs - (jumpMs === -10_000 ? 3_000 : 0));
    const rig = new Rig().play(1, head);
    const endMs = endOf(rig.frames);
    rig.play(1, moved);
    expect(rig.splices.map(({ cause }) => cause)).toEqual(['first', 'jump']);
    const piece = rig.piece.filter(isMedia);
    const key = moved.findIndex(({ role }) => role === 'keyframe');
    const keyMs = moved[key]?.timestampMs ?? 0;
    expect(payloads(piece)).toEqual(
      payloads(moved.filter((frame, at) => at >= key && isMedia(frame) && frame.timestampMs >= keyMs)),
    );
    expect(rig.splices.at(-1)?.atMs).toBeGreaterThan(endMs);
    expect(rig.splices.at(-1)?.atMs).toBeLessThan(endMs + 1100);
    expect(rig.piece.slice(0, 3).map(({ role }) => role)).toEqual(['metadata', 'header', 'header']);
    expectRising(rig.frames);
  });

  it('may go ahead by as much time as really went by', () => {
    const rig = new Rig().play(1, head).pause(60_000).play(1, shifted(tail, 60_000));
    expect(rig.splices).toHaveLength(1);
    expect(last(rig.frames).timestampMs).toBe(last(frames).timestampMs + 60_000);
  });

  it('that jumps without video goes on at once', () => {
    const audio = stream({ video: 'none', seconds: 6 });
    const rig = new Rig().play(1, audio.slice(0, 100)).play(1, shifted(audio.slice(100), 100_000));
    expect(rig.splices).toHaveLength(2);
    expect(rig.frames.filter(isMedia)).toHaveLength(audio.filter(isMedia).length);
    expectRising(rig.frames);
  });

  it('is not cut for one audio frame that is off', () => {
    const off = frames.map((frame, index) =>
      index === half && frame.kind === 'audio' ? { ...frame, timestampMs: 0 } : frame,
    );
    const at = off[half]?.kind === 'audio' ? half : -1;
    expect(at).toBe(half);
    const rig = new Rig().play(1, off);
    expect(rig.splices).toHaveLength(1);
    expect(rig.timeline.counters.dropped).toBe(1);
    expect(rig.frames).toHaveLength(frames.length - 1);
  });

  it('that jumps with every frame starts one piece a second at most', () => {
    const wild = frames
      .filter(isMedia)
      .map((frame, index) => ({ ...frame, timestampMs: (index % 7) * 1_000_000 }));
    const rig = new Rig().burst(1, frames.slice(0, 3));
    for (const frame of wild) rig.pause(20).burst(1, [frame]);
    expect(rig.splices.length).toBeLessThanOrEqual((wild.length * 20) / 1000 + 1);
    expectRising(rig.frames);
  });

  it('with tracks that stay minutes apart lets both through after 2 s', () => {
    const apart = stream({ seconds: 6 }).map((frame) => {
      return frame.kind === 'audio' ? { ...frame, timestampMs: frame.timestampMs + 600_000 } : frame;
    });
    const rig = new Rig();
    for (const frame of apart) rig.pause(15).burst(1, [frame]);
    const audio = rig.frames.filter(({ kind, role }) => kind === 'audio' && role === 'media');
    expect(audio.length).toBeGreaterThan(100);
    expect(rig.splices).toHaveLength(1);
    expectRising(rig.frames);
  });

  it('is not read off data and headers, which often say 0', () => {
    const odd = renumber(
      frames.flatMap((frame, index) => {
        if (index % 20 !== 19) return [frame];
        const [metadata, header] = frames.slice(0, 2).map((each) => ({ ...each, timestampMs: 0 }));
        return metadata && header ? [metadata, header, frame] : [frame];
      }),
    );
    const rig = new Rig().play(1, odd);
    expect(rig.splices).toHaveLength(1);
    expect(rig.frames).toHaveLength(odd.length);
    expect(rig.frames.filter(isMedia).map(briefly)).toEqual(odd.filter(isMedia).map(briefly));
    expectRising(rig.frames);
  });
});

describe('the numbers of a session on a Timeline', () => {
  const frames = stream();

  it('show what was there before: it is not sent again', () => {
    const rig = new Rig().play(1, frames.slice(0, 60)).burst(1, frames.slice(40));
    expect(payloads(rig.frames)).toEqual(payloads(frames));
  });

  it('show what is missing: video goes on at the next keyframe', () => {
    const rig = new Rig().play(1, frames.slice(0, 30)).play(1, frames.slice(35));
    const key = frames.findIndex(({ role }, index) => index > 35 && role === 'keyframe');
    const expected = frames.filter(
      ({ kind }, index) => index < 30 || index >= key || (index >= 35 && kind === 'audio'),
    );
    expect(payloads(rig.frames)).toEqual(payloads(expected));
    expect(rig.splices).toHaveLength(1);
  });

  it('may be out of turn for headers', () => {
    const joined = [frames[2], frames[0], frames[1], ...frames.slice(28)].filter(
      (frame) => frame !== undefined,
    );
    const late = { ...joined[1], sequence: 5000 } as Frame;
    const rig = new Rig().burst(1, [late, ...joined]);
    expect(rig.frames.filter(isMedia).length).toBeGreaterThan(40);
  });
});

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
        const rig = new Rig();
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
        expectRising(rig.frames);
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
        const rig = new Rig().burst(1, all.slice(0, 4));
        steps.forEach(({ pick, epoch, timestampMs, pauseMs }, index) => {
          const frame = all[pick];
          if (frame === undefined) return;
          rig.pause(pauseMs).burst(epoch, [{ ...frame, timestampMs, sequence: 4 + index }]);
        });
        expectRising(rig.frames);
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
