import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodecState } from './codec-state.ts';
import type { Frame, FrameKind } from './frame.ts';
import { enhancedAudio, enhancedVideo, testFrame, testFrames } from './testing/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const avcHeader = testFrame({ kind: 'video', payload: hex('17 00 000000 0164001f') });
const aacHeader = testFrame({ kind: 'audio', payload: hex('af 00 1210') });
const onMetaData = (text: string): Frame =>
  testFrame({ kind: 'data', payload: Buffer.from(`\x02\x00\x0aonMetaData${text}`) });
const video = (payload: Buffer): Frame => testFrame({ kind: 'video', payload });
const audio = (payload: Buffer): Frame => testFrame({ kind: 'audio', payload });
const sequenceStart = (fourCc: string, text: string, trackId?: number): Frame => {
  const body = Buffer.from(text);
  if (trackId === undefined) return video(enhancedVideo({ packetType: 0, fourCc, body }));
  const multitrack = { code: 0 as const, tracks: [{ trackId, body }] };
  return video(enhancedVideo({ packetType: 0, fourCc, multitrack }));
};

function stateOf(...frames: Frame[]): CodecState {
  const state = new CodecState();
  for (const frame of frames) state.accept(frame);
  return state;
}

describe('CodecState', () => {
  it('gives metadata with time 0, then video, then audio headers with the given time, otherwise untouched', () => {
    const state = stateOf(aacHeader, avcHeader, onMetaData('a'), onMetaData('b'));
    expect(state.headers(1234)).toEqual([
      { ...onMetaData('b'), timestampMs: 0 },
      { ...avcHeader, timestampMs: 1234 },
      { ...aacHeader, timestampMs: 1234 },
    ]);
  });

  it('collects what a generated stream starts with', () => {
    const frames = testFrames({ seconds: 1, video: 'av01', audio: 'Opus' });
    const state = stateOf(...frames);
    expect(state.headers(0)).toEqual(frames.slice(0, 3));
    expect(state.codecs).toEqual(['av01', 'Opus']);
    expect(state.tracks).toEqual({ hasAudio: true, hasVideo: true });
  });

  it('knows tracks and codecs that have no headers', () => {
    const state = stateOf(audio(hex('2f fffb9064')));
    expect(state.tracks).toEqual({ hasAudio: true, hasVideo: false });
    expect(state.codecs).toEqual(['.mp3']);
    expect(state.headers(0)).toEqual([]);
  });

  it('does not take empty messages, commands and garbage for tracks', () => {
    const state = stateOf(
      video(hex('')),
      audio(hex('')),
      video(hex('57 00')),
      video(hex('1f')),
      audio(hex('c0')),
    );
    expect(state.tracks).toEqual({ hasAudio: false, hasVideo: false });
    expect(state.codecs).toEqual([]);
  });

  it('says when a default track is configured anew, and not when the same configuration comes again', () => {
    const state = new CodecState();
    expect(state.accept(avcHeader)).toBe(false);
    expect(state.accept(avcHeader)).toBe(false);
    expect(state.accept(video(hex('17 00 000000 01640020')))).toBe(true);
    expect(state.accept(sequenceStart('avc1', 'x', 1))).toBe(false);
    expect(state.accept(sequenceStart('avc1', 'y', 1))).toBe(false);
    expect(state.accept(aacHeader)).toBe(false);
    expect(state.accept(audio(hex('af 00 1190')))).toBe(true);
  });

  it('keeps one header for each track and replaces it', () => {
    const second = sequenceStart('avc1', 'second', 1);
    const state = stateOf(avcHeader, sequenceStart('avc1', 'first', 1), second);
    expect(state.headers(0)).toEqual([avcHeader, second]);
  });

  it('puts colour information behind the sequence start, whichever came first', () => {
    const colour = video(enhancedVideo({ packetType: 4, fourCc: 'hvc1', body: hex('02') }));
    const start = sequenceStart('hvc1', 'config');
    expect(stateOf(colour, start).headers(0)).toEqual([start, colour]);
    expect(stateOf(start, colour).headers(0)).toEqual([start, colour]);
  });

  it('keeps the channel layout beside the sequence start', () => {
    const start = audio(enhancedAudio({ packetType: 0, fourCc: 'mp4a', body: hex('1210') }));
    const layout = audio(enhancedAudio({ packetType: 4, fourCc: 'mp4a', body: hex('0102') }));
    expect(stateOf(start, layout).headers(0)).toEqual([start, layout]);
  });

  it('forgets what belongs to the codec before', () => {
    const colour = video(enhancedVideo({ packetType: 4, fourCc: 'hvc1', body: hex('02') }));
    const state = stateOf(sequenceStart('hvc1', 'config'), colour);
    const next = sequenceStart('av01', 'config');
    expect(state.accept(next)).toBe(true);
    expect(state.headers(0)).toEqual([next]);
    expect(state.codecs).toEqual(['av01']);
    expect(stateOf(aacHeader, audio(hex('2f fffb'))).headers(0)).toEqual([]);
  });

  it('keeps a message for many tracks until all of them are configured anew', () => {
    const tracks = [0, 1].map((trackId) => ({ trackId, body: hex('01') }));
    const shared = video(enhancedVideo({ packetType: 0, fourCc: 'av01', multitrack: { code: 1, tracks } }));
    const state = stateOf(shared);
    expect(state.headers(0)).toEqual([shared]);
    const zero = sequenceStart('av01', 'zero');
    const one = sequenceStart('av01', 'one', 1);
    state.accept(zero);
    // The order of arrival: the newer configuration of track 0 must come after the shared one.
    expect(state.headers(0)).toEqual([shared, zero]);
    state.accept(one);
    expect(state.headers(0)).toEqual([zero, one]);
  });

  it('stays bounded under a flood of tracks and keeps the default one', () => {
    const state = stateOf(avcHeader, aacHeader);
    for (let trackId = 1; trackId < 256; trackId++) state.accept(sequenceStart('avc1', 'x', trackId));
    const headers = state.headers(0);
    expect(headers).toHaveLength(64);
    expect(headers[0]).toEqual(avcHeader);
    expect(headers.at(-1)).toEqual(aacHeader);
  });

  it('does not keep headers above 64 KiB or metadata above 1 MiB, nor what they replaced', () => {
    const large = sequenceStart('avc1', 'x'.repeat(64 * 1024));
    expect(stateOf(avcHeader, large).headers(0)).toEqual([]);
    expect(stateOf(onMetaData('a'), onMetaData('x'.repeat(1024 * 1024))).headers(0)).toEqual([]);
  });

  it('forgets everything on clear', () => {
    const state = stateOf(onMetaData(''), avcHeader, aacHeader);
    state.clear();
    expect(state.headers(0)).toEqual([]);
    expect(state.codecs).toEqual([]);
    expect(state.tracks).toEqual({ hasAudio: false, hasVideo: false });
    expect(state.accept(avcHeader)).toBe(false);
    expect(state.codecs).toEqual(['avc1']);
  });

  it('takes any bytes without throwing or growing', () => {
    const bytes = fc.tuple(
      fc.constantFrom(0x17, 0x90, 0x96, 0x95, 0xaf, 0x94),
      fc.uint8Array({ maxLength: 40 }),
    );
    const frames = fc.array(fc.tuple(fc.constantFrom<FrameKind>('audio', 'video', 'data'), bytes), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(frames, (list) => {
        const state = new CodecState();
        for (const [kind, [first, rest]] of list) {
          state.accept(testFrame({ kind, payload: Buffer.from([first, ...rest]) }));
        }
        expect(state.headers(0).length).toBeLessThanOrEqual(65);
      }),
    );
  });
});
