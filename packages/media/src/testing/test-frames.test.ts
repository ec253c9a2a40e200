import { describe, expect, it } from 'vitest';
import { parseAudioTag, parseVideoTag } from '../tag-header.ts';
import { type TestStreamOptions, testFrames } from './test-frames.ts';

const briefly = (options: TestStreamOptions): string[] =>
  testFrames(options).map(({ kind, role, timestampMs }) => `${kind} ${role} ${timestampMs.toString()}`);

describe('testFrames', () => {
  it('starts with metadata, headers and a keyframe, and numbers all', () => {
    const options = { seconds: 1, startTimestampMs: 100, firstSequence: 7 };
    expect(briefly(options).slice(0, 7)).toEqual([
      'data metadata 100',
      'video header 100',
      'audio header 100',
      'video keyframe 100',
      'audio media 100',
      'audio media 123',
      'video media 140',
    ]);
    testFrames(options).forEach(({ sequence }, index) => expect(sequence).toBe(7 + index));
  });

  it('gives equal frames for equal options and other bytes for another seed', () => {
    expect(testFrames({ seconds: 1, seed: 3 })).toEqual(testFrames({ seconds: 1, seed: 3 }));
    expect(testFrames({ seconds: 1, seed: 3 })[3]).not.toEqual(testFrames({ seconds: 1, seed: 4 })[3]);
  });

  it('keeps to the bit rates and the distance of keyframes', () => {
    const frames = testFrames({ seconds: 8, fps: 30, gopSeconds: 2, videoBitrate: 1_000_000 });
    const bitsOf = (kind: string): number =>
      frames.reduce((sum, frame) => sum + (frame.kind === kind ? frame.payload.length * 8 : 0), 0) / 8;
    expect(Math.abs(bitsOf('video') - 1_000_000)).toBeLessThan(20_000);
    expect(Math.abs(bitsOf('audio') - 96_000)).toBeLessThan(2_000);
    const keyframes = frames.filter(({ role }) => role === 'keyframe');
    expect(keyframes.map(({ timestampMs }) => timestampMs)).toEqual([0, 2000, 4000, 6000]);
  });

  it.each<[Required<TestStreamOptions>['video'], Required<TestStreamOptions>['audio'], boolean]>([
    ['avc1', 'mp4a', false],
    ['avc1', 'mp4a', true],
    ['hvc1', 'Opus', false],
    ['av01', '.mp3', false],
    ['vp09', '.mp3', true],
  ])('makes %s with %s that the parsers know (enhanced: %s)', (video, audio, isEnhanced) => {
    for (const { kind, role, payload } of testFrames({ seconds: 1, video, audio, isEnhanced }).slice(1)) {
      const tag = kind === 'video' ? parseVideoTag(payload) : parseAudioTag(payload);
      expect(tag).toMatchObject({
        codec: kind === 'video' ? video : audio,
        packetType: role === 'header' ? 'sequence-start' : 'coded-frames',
      });
    }
  });

  it('gives every B-frame stream distinct presentation times not before decoding', () => {
    const times = testFrames({ seconds: 2, hasBFrames: true, audio: 'none' })
      .filter(({ role }) => role === 'keyframe' || role === 'media')
      .map(({ timestampMs, payload }) => timestampMs + parseVideoTag(payload).compositionOffsetMs);
    expect(new Set(times).size).toBe(times.length);
    expect([...times].sort((a, b) => a - b)).not.toEqual(times);
  });

  it.each(['one-track', 'many-tracks', 'many-tracks-many-codecs'] as const)(
    'makes three tracks as %s',
    (multitrack) => {
      const frames = testFrames({
        seconds: 1,
        audio: 'none',
        hasMetadata: false,
        videoTracks: 3,
        multitrack,
      });
      const isShared = multitrack !== 'one-track';
      expect(frames).toHaveLength(26 * (isShared ? 1 : 3));
      const ids = frames.slice(0, isShared ? 1 : 3).flatMap(({ payload }) => parseVideoTag(payload).tracks);
      expect(ids.map(({ trackId }) => trackId)).toEqual([0, 1, 2]);
      expect(frames.filter(({ role }) => role === 'keyframe')).toHaveLength(1);
    },
  );
});
