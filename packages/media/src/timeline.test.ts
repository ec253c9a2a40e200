import { describe, expect, it } from 'vitest';
import type { Frame, FrameKind } from './frame.ts';
import { enhancedVideo, testFrame } from './testing/index.ts';
import {
  TimelineRig,
  briefly,
  endOf,
  irregularities,
  isMedia,
  last,
  payloads,
  renumber,
  sound,
  stream,
} from './testing/timeline-rig.ts';

describe('the first session of a Timeline', () => {
  it('comes out untouched, frame by frame the same objects', () => {
    const frames = stream({ hasBFrames: true });
    const rig = new TimelineRig().play(5, frames);
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
      expect(new TimelineRig().play(1, frames).frames.map(briefly)).toEqual(frames.map(briefly));
    },
  );

  it('gives the headers the time of the keyframe that it starts with', () => {
    const frames = stream({ startTimestampMs: 5000 });
    const headers = frames.slice(0, 3).map((frame) => ({ ...frame, timestampMs: 0 }));
    const rig = new TimelineRig().burst(1, headers);
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
    const rig = new TimelineRig().burst(1, frames.slice(0, 3)).play(1, tail);
    const keyMs = tail[key]?.timestampMs ?? 0;
    const expected = tail.filter(({ timestampMs }, index) => index >= key && timestampMs >= keyMs);
    expect(payloads(rig.frames.slice(3))).toEqual(payloads(expected));
    expect(rig.frames[3]?.role).toBe('keyframe');
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('starts without video after one second of audio, by the clock or in one burst', () => {
    const frames = stream({ video: 'none', startTimestampMs: 700 });
    const slow = new TimelineRig().play(1, frames.slice(0, 40));
    expect(slow.frames).toEqual([]);
    slow.play(1, frames.slice(40));
    const burst = new TimelineRig().burst(1, frames);
    for (const rig of [slow, burst]) {
      expect(payloads(rig.frames)).toEqual(payloads(frames));
      expect(rig.frames[0]?.timestampMs).toBe(700);
      expect(irregularities(rig.frames)).toEqual([]);
    }
  });

  it('waits longer for video that its headers announce', () => {
    const rig = new TimelineRig().play(
      1,
      stream({ seconds: 9 }).filter(({ kind, role }) => kind !== 'video' || role === 'header'),
    );
    expect(rig.frames).toEqual([]);
  });

  it('passes video alone', () => {
    const frames = stream({ audio: 'none', hasMetadata: false });
    expect(new TimelineRig().play(1, frames).frames).toEqual(frames);
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
    const rig = new TimelineRig().play(1, frames);
    expect(rig.frames.filter(({ kind }) => kind === 'video')).toHaveLength(76);
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('drops media that needs a sequence header until one comes', () => {
    const frames = stream().filter(({ role }) => role !== 'header');
    const header = testFrame({ kind: 'video', payload: stream()[1]?.payload ?? Buffer.of() });
    const half = Math.round(frames.length / 2);
    const rig = new TimelineRig().play(1, frames.slice(0, half));
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
    const rig = new TimelineRig().play(1, before);
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
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('holds nothing back for long: the time it waits for its keyframe counts as gap', () => {
    const after = stream({ seed: 2 });
    const rig = new TimelineRig().play(1, before);
    const endMs = endOf(rig.frames);
    rig.pause(1000).burst(2, after.slice(0, 3)).pause(500).play(2, after.slice(3));
    expect(rig.splices.at(-1)?.atMs).toBe(endMs + 1500);
  });

  it('begins with its headers and a keyframe, all with one time', () => {
    const after = stream({ seed: 2, startTimestampMs: 50 });
    const rig = new TimelineRig().play(1, before).pause(100);
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
    const rig = new TimelineRig().play(1, before).pause(1000);
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
    const rig = new TimelineRig().play(3, before.slice(0, 50));
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
    const rig = new TimelineRig().burst(1, before.slice(0, 3)).play(2, after);
    expect(rig.splices).toEqual([{ epoch: 2, cause: 'first', atMs: 777, offsetMs: 0 }]);
  });

  it('does not take over headers from the session before', () => {
    const after = renumber(stream({ video: 'hvc1', seed: 2 }).filter(({ kind }) => kind !== 'audio'));
    const rig = new TimelineRig().play(1, before).play(2, after);
    expect(payloads(rig.piece)).toEqual(payloads(after));
  });

  it('that comes back without video is heard after 10 s of waiting for it', () => {
    const after = stream({ video: 'none', seconds: 15, seed: 2 });
    const rig = new TimelineRig().play(1, before);
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
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('takes up video that comes after audio had begun alone, at its first keyframe', () => {
    const after = stream({ seconds: 14, seed: 2 });
    const isShown = ({ kind, timestampMs }: Frame): boolean => kind !== 'video' || timestampMs > 12_500;
    const late = renumber([...after.slice(0, 3), ...after.slice(3).filter(isShown)]);
    const rig = new TimelineRig().play(1, before).play(2, late);
    const shown = rig.piece.filter(({ kind, role }) => kind === 'video' && role !== 'header');
    expect(shown[0]?.role).toBe('keyframe');
    expect((shown[0]?.timestampMs ?? 0) - (rig.splices.at(-1)?.offsetMs ?? 0)).toBe(13_000);
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('after audio alone needs no long wait', () => {
    const rig = new TimelineRig()
      .play(1, stream({ video: 'none' }))
      .play(2, stream({ video: 'none', seed: 2 }));
    expect(payloads(rig.piece)).toEqual(payloads(stream({ video: 'none', seed: 2 })));
  });

  it('accepts a keyframe without sequence header once the session has had 10 s to send one', () => {
    const after = renumber(stream({ seed: 2, seconds: 14 }).filter(({ role }) => role !== 'header'));
    const rig = new TimelineRig().play(1, before).play(2, after);
    const shown = rig.piece.filter(isMedia);
    expect(shown[0]?.role).toBe('keyframe');
    expect((shown[0]?.timestampMs ?? 0) - (rig.splices.at(-1)?.offsetMs ?? 0)).toBe(10_000);
  });
});
