import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrapDefaultTrack } from './multitrack.ts';
import { enhancedAudio, enhancedVideo, testFrame, testFrames, u24 } from './testing/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const body = hex('000021 aabbcc');

describe('unwrapDefaultTrack', () => {
  it('leaves a frame that is not multitrack as it is', () => {
    for (const frame of testFrames({ seconds: 1 })) expect(unwrapDefaultTrack(frame)).toBe(frame);
    for (const frame of testFrames({ seconds: 1, video: 'hvc1', audio: 'Opus' })) {
      expect(unwrapDefaultTrack(frame)).toBe(frame);
    }
  });

  it.each([1, 2] as const)('gives track 0 of multitrack type %i in single-track form', (code) => {
    const tracks = [
      { trackId: 2, fourCc: 'av01', body: hex('99') },
      { trackId: 0, fourCc: 'hvc1', body },
    ];
    const payload = enhancedVideo({ packetType: 1, fourCc: 'hvc1', multitrack: { code, tracks } });
    const frame = testFrame({ kind: 'video', payload, sequence: 7, timestampMs: 9 });
    expect(unwrapDefaultTrack(frame)).toEqual({
      kind: 'video',
      role: 'keyframe',
      sequence: 7,
      timestampMs: 9,
      payload: enhancedVideo({ packetType: 1, fourCc: 'hvc1', body }),
    });
  });

  it('gives one-track messages of track 0 and no others', () => {
    const of = (trackId: number) =>
      testFrame({
        kind: 'audio',
        payload: enhancedAudio({
          packetType: 0,
          fourCc: 'Opus',
          multitrack: { code: 0, tracks: [{ trackId, body }] },
        }),
      });
    expect(unwrapDefaultTrack(of(0))).toMatchObject({
      role: 'header',
      payload: enhancedAudio({ packetType: 0, fourCc: 'Opus', body }),
    });
    expect(unwrapDefaultTrack(of(1))).toBeUndefined();
  });

  it('keeps ModEx in front', () => {
    const modEx = [{ type: 0, data: u24(77) }];
    const tracks = [{ trackId: 0, body }];
    const payload = enhancedVideo({ packetType: 1, fourCc: 'avc1', modEx, multitrack: { code: 1, tracks } });
    expect(unwrapDefaultTrack(testFrame({ kind: 'video', payload }))?.payload).toEqual(
      enhancedVideo({ packetType: 1, fourCc: 'avc1', modEx, body }),
    );
  });

  it('gives nothing for a multitrack message that cannot be read', () => {
    expect(unwrapDefaultTrack(testFrame({ kind: 'video', payload: hex('96 10 6176') }))).toBeUndefined();
  });

  it('never throws and never leaves multitrack in place', () => {
    const payloads = fc.tuple(fc.constantFrom(0x96, 0x95, 0x97), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(payloads, fc.constantFrom('audio', 'video'), ([first, rest], kind) => {
        const frame = testFrame({ kind, payload: Buffer.from([first, ...rest]) });
        const once = unwrapDefaultTrack(frame);
        if (once !== undefined) expect(unwrapDefaultTrack(once)).toBe(once);
      }),
    );
  });
});
