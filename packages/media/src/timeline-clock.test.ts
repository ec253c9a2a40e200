import { describe, expect, it } from 'vitest';
import type { Frame } from './frame.ts';
import {
  TimelineRig,
  briefly,
  endOf,
  irregularities,
  isMedia,
  last,
  payloads,
  renumber,
  shifted,
  stream,
} from './testing/timeline-rig.ts';

describe('the clock of a session on a Timeline', () => {
  const frames = stream({ seconds: 6, startTimestampMs: 10_000 });
  const half = Math.round(frames.length / 2);
  const head = frames.slice(0, half);
  const tail = frames.slice(half);

  it('may step back by 500 ms: such frames are moved up to behind the one before', () => {
    const rig = new TimelineRig().play(1, head).play(1, shifted(tail, -400));
    expect(irregularities(rig.frames)).toEqual([]);
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
    const rig = new TimelineRig().play(1, head);
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
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('may go ahead by as much time as really went by', () => {
    const rig = new TimelineRig().play(1, head).pause(60_000).play(1, shifted(tail, 60_000));
    expect(rig.splices).toHaveLength(1);
    expect(last(rig.frames).timestampMs).toBe(last(frames).timestampMs + 60_000);
  });

  it('that jumps without video goes on at once', () => {
    const audio = stream({ video: 'none', seconds: 6 });
    const rig = new TimelineRig().play(1, audio.slice(0, 100)).play(1, shifted(audio.slice(100), 100_000));
    expect(rig.splices).toHaveLength(2);
    expect(rig.frames.filter(isMedia)).toHaveLength(audio.filter(isMedia).length);
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('is not cut for one audio frame that is off', () => {
    const off = frames.map((frame, index) =>
      index === half && frame.kind === 'audio' ? { ...frame, timestampMs: 0 } : frame,
    );
    const at = off[half]?.kind === 'audio' ? half : -1;
    expect(at).toBe(half);
    const rig = new TimelineRig().play(1, off);
    expect(rig.splices).toHaveLength(1);
    expect(rig.timeline.counters.dropped).toBe(1);
    expect(rig.frames).toHaveLength(frames.length - 1);
  });

  it('that jumps with every frame starts one piece a second at most', () => {
    const wild = frames
      .filter(isMedia)
      .map((frame, index) => ({ ...frame, timestampMs: (index % 7) * 1_000_000 }));
    const rig = new TimelineRig().burst(1, frames.slice(0, 3));
    for (const frame of wild) rig.pause(20).burst(1, [frame]);
    expect(rig.splices.length).toBeLessThanOrEqual((wild.length * 20) / 1000 + 1);
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('with tracks that stay minutes apart lets both through after 2 s', () => {
    const apart = stream({ seconds: 6 }).map((frame) => {
      return frame.kind === 'audio' ? { ...frame, timestampMs: frame.timestampMs + 600_000 } : frame;
    });
    const rig = new TimelineRig();
    for (const frame of apart) rig.pause(15).burst(1, [frame]);
    const audio = rig.frames.filter(({ kind, role }) => kind === 'audio' && role === 'media');
    expect(audio.length).toBeGreaterThan(100);
    expect(rig.splices).toHaveLength(1);
    expect(irregularities(rig.frames)).toEqual([]);
  });

  it('is not read off data and headers, which often say 0', () => {
    const odd = renumber(
      frames.flatMap((frame, index) => {
        if (index % 20 !== 19) return [frame];
        const [metadata, header] = frames.slice(0, 2).map((each) => ({ ...each, timestampMs: 0 }));
        return metadata && header ? [metadata, header, frame] : [frame];
      }),
    );
    const rig = new TimelineRig().play(1, odd);
    expect(rig.splices).toHaveLength(1);
    expect(rig.frames).toHaveLength(odd.length);
    expect(rig.frames.filter(isMedia).map(briefly)).toEqual(odd.filter(isMedia).map(briefly));
    expect(irregularities(rig.frames)).toEqual([]);
  });
});

describe('the numbers of a session on a Timeline', () => {
  const frames = stream();

  it('show what was there before: it is not sent again', () => {
    const rig = new TimelineRig().play(1, frames.slice(0, 60)).burst(1, frames.slice(40));
    expect(payloads(rig.frames)).toEqual(payloads(frames));
  });

  it('show what is missing: video goes on at the next keyframe', () => {
    const rig = new TimelineRig().play(1, frames.slice(0, 30)).play(1, frames.slice(35));
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
    const rig = new TimelineRig().burst(1, [late, ...joined]);
    expect(rig.frames.filter(isMedia).length).toBeGreaterThan(40);
  });
});
