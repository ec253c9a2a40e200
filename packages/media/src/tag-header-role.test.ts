import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameRole } from './frame.ts';
import { parseAudioTag, parseVideoTag } from './tag-header.ts';
import { classifyFrame, isDefaultVideo } from './tag-header-role.ts';
import { enhancedAudio, enhancedVideo, u24 } from './testing/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const body = hex('000000 aabb');
const tracks = (...trackIds: number[]) => trackIds.map((trackId) => ({ trackId, body }));

describe('classifyFrame of video', () => {
  it.each<[string, Buffer, FrameRole]>([
    ['an empty message', hex(''), 'media'],
    ['a legacy AVC sequence header', hex('17 00 000000 01'), 'header'],
    ['an AVC sequence header with the frame type of an inter frame', hex('27 00 000000 01'), 'header'],
    ['an AVC sequence header without configuration', hex('17 00 000000'), 'media'],
    ['a legacy AVC keyframe', hex('17 01 000000 aa'), 'keyframe'],
    ['a legacy AVC keyframe without data', hex('17 01 000000'), 'media'],
    ['a legacy AVC end of sequence with the frame type of a keyframe', hex('17 02 000000 00'), 'media'],
    ['a legacy AVC inter frame', hex('27 01 000000 aa'), 'media'],
    ['a generated keyframe, which servers make for themselves', hex('47 01 000000 aa'), 'media'],
    ['a legacy HEVC keyframe', hex('1c 01 000000 aa'), 'keyframe'],
    ['a legacy command', hex('57 00'), 'media'],
    ['an H.263 keyframe', hex('12 aa'), 'keyframe'],
    ['a keyframe of a reserved codec id', hex('1f aa'), 'media'],
    ['an enhanced sequence start', enhancedVideo({ packetType: 0, fourCc: 'hvc1', body }), 'header'],
    [
      'an enhanced sequence start of an unknown codec',
      enhancedVideo({ packetType: 0, fourCc: 'xyz1', body }),
      'header',
    ],
    ['an empty enhanced sequence start', enhancedVideo({ packetType: 0, fourCc: 'vp08' }), 'media'],
    ['colour information', enhancedVideo({ frameType: 5, packetType: 4, fourCc: 'hvc1', body }), 'header'],
    ['an MPEG-2 TS sequence start', enhancedVideo({ packetType: 5, fourCc: 'av01', body }), 'header'],
    ['an enhanced keyframe', enhancedVideo({ packetType: 1, fourCc: 'hvc1', body }), 'keyframe'],
    [
      'an enhanced keyframe without offset',
      enhancedVideo({ packetType: 3, fourCc: 'avc1', body }),
      'keyframe',
    ],
    [
      'an enhanced inter frame',
      enhancedVideo({ frameType: 2, packetType: 1, fourCc: 'hvc1', body }),
      'media',
    ],
    ['a keyframe of an unknown codec', enhancedVideo({ packetType: 1, fourCc: 'xyz1', body }), 'media'],
    [
      'a keyframe of an unknown packet type',
      enhancedVideo({ packetType: 12, fourCc: 'hvc1', body }),
      'media',
    ],
    ['an enhanced command', hex('d1 00 00 00 00 00 00 00 00'), 'media'],
    [
      'a keyframe of another track',
      enhancedVideo({ packetType: 1, fourCc: 'avc1', multitrack: { code: 0, tracks: tracks(1) } }),
      'media',
    ],
    [
      'a keyframe of many tracks with the default one',
      enhancedVideo({ packetType: 1, fourCc: 'avc1', multitrack: { code: 1, tracks: tracks(1, 0) } }),
      'keyframe',
    ],
    [
      'a sequence start of another track',
      enhancedVideo({ packetType: 0, fourCc: 'avc1', multitrack: { code: 0, tracks: tracks(2) } }),
      'header',
    ],
    [
      'a keyframe behind ModEx',
      enhancedVideo({ packetType: 1, fourCc: 'avc1', body, modEx: [{ type: 0, data: u24(1) }] }),
      'keyframe',
    ],
    ['half an enhanced head', hex('91 6876'), 'media'],
  ])('takes %s as it should', (_, payload, role) => {
    expect(classifyFrame('video', payload)).toBe(role);
  });
});

describe('classifyFrame of audio and data', () => {
  it.each<[string, Buffer, FrameRole]>([
    ['a silence marker', hex(''), 'media'],
    ['a legacy AAC sequence header', hex('af 00 1210'), 'header'],
    ['an AAC sequence header without configuration', hex('af 00'), 'media'],
    ['AAC data', hex('af 01 aa'), 'media'],
    ['MP3 data that starts with 0', hex('2f 00 aa'), 'media'],
    ['an Opus sequence start', enhancedAudio({ packetType: 0, fourCc: 'Opus', body }), 'header'],
    ['a multichannel layout', enhancedAudio({ packetType: 4, fourCc: 'ec-3', body }), 'header'],
    ['Opus data', enhancedAudio({ packetType: 1, fourCc: 'Opus', body }), 'media'],
    [
      'a sequence start of another track',
      enhancedAudio({ packetType: 0, fourCc: 'mp4a', multitrack: { code: 0, tracks: tracks(1) } }),
      'header',
    ],
  ])('takes %s as it should', (_, payload, role) => {
    expect(classifyFrame('audio', payload)).toBe(role);
  });

  it('takes onMetaData as metadata and other data messages as media', () => {
    const message = (name: string): Buffer =>
      Buffer.from(`\x02\x00${String.fromCharCode(name.length)}${name}\x05`);
    expect(classifyFrame('data', message('onMetaData'))).toBe('metadata');
    expect(classifyFrame('data', message('onMetaDatb'))).toBe('media');
    expect(classifyFrame('data', message('onTextData'))).toBe('media');
    expect(classifyFrame('data', message('onMetaData').subarray(0, 12))).toBe('media');
    expect(classifyFrame('data', Buffer.alloc(0))).toBe('media');
  });
});

describe('the quick look at the first bytes', () => {
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 24 }),
    fc
      .tuple(
        fc.constantFrom(
          0x17,
          0x27,
          0x1c,
          0x12,
          0x57,
          0x90,
          0x91,
          0xa1,
          0x93,
          0x94,
          0xd4,
          0xd1,
          0x95,
          0x96,
          0x97,
          0xaf,
        ),
        fc.constantFrom(
          '',
          'avc1',
          'hvc1',
          'av01',
          'Opus',
          'xxxx',
          '\x10avc1',
          '\x00av01',
          '\x00\x00\x01vp09',
        ),
        fc.uint8Array({ maxLength: 12 }),
      )
      .map(([first, fourCc, rest]) => Uint8Array.from([first, ...Buffer.from(fourCc, 'latin1'), ...rest])),
  );

  it('agrees with the whole head', () => {
    fc.assert(
      fc.property(payloads, (bytes) => {
        const payload = Buffer.from(bytes);
        const video = parseVideoTag(payload);
        const isConfiguration = [
          'sequence-start',
          'mpeg2ts-sequence-start',
          'metadata',
          'multichannel-config',
        ];
        const hasBody = (tag: { tracks: readonly { start: number; end: number }[] }): boolean =>
          tag.tracks.some(({ start, end }) => end > start);
        const isHeader = isConfiguration.includes(video.packetType) && hasBody(video);
        expect(classifyFrame('video', payload) === 'header').toBe(isHeader);
        const isKeyframe =
          video.packetType === 'coded-frames' &&
          video.frameType === 'key' &&
          video.tracks.some(
            ({ trackId, codec, start, end }) => trackId === 0 && codec !== 'unknown' && end > start,
          );
        expect(classifyFrame('video', payload) === 'keyframe').toBe(isKeyframe);
        if (isKeyframe) expect(isDefaultVideo(payload)).toBe(true);
        const audio = parseAudioTag(payload);
        const isAudioHeader = isConfiguration.includes(audio.packetType) && hasBody(audio);
        expect(classifyFrame('audio', payload) === 'header').toBe(isAudioHeader);
        expect(['media', 'metadata']).toContain(classifyFrame('data', payload));
      }),
      { numRuns: 3000 },
    );
  });

  it('tells video of the default track in a known codec from all other video', () => {
    expect(isDefaultVideo(hex('27 01 000000 aa'))).toBe(true);
    expect(isDefaultVideo(enhancedVideo({ packetType: 1, frameType: 2, fourCc: 'vp09', body }))).toBe(true);
    expect(isDefaultVideo(enhancedVideo({ packetType: 1, fourCc: 'xyz1', body }))).toBe(false);
    const other = enhancedVideo({
      packetType: 1,
      fourCc: 'avc1',
      multitrack: { code: 0, tracks: tracks(1) },
    });
    expect(isDefaultVideo(other)).toBe(false);
    expect(isDefaultVideo(hex('57 00'))).toBe(false);
    expect(isDefaultVideo(hex(''))).toBe(false);
  });
});
