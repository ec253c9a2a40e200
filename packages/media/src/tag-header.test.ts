import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAudioTag, parseVideoTag } from './tag-header.ts';
import { enhancedAudio, enhancedVideo, u24 } from './testing/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const body = hex('aabbcc');

describe('parseVideoTag', () => {
  it('reads a legacy AVC sequence header', () => {
    expect(parseVideoTag(hex('17 00 000000 0164001f'))).toEqual({
      isEnhanced: false,
      packetType: 'sequence-start',
      codec: 'avc1',
      frameType: 'key',
      multitrack: 'none',
      compositionOffsetMs: 0,
      nanosecondOffset: 0,
      tracks: [{ trackId: 0, codec: 'avc1', compositionOffsetMs: 0, start: 5, end: 9 }],
    });
  });

  it('reads positive and negative composition offsets of legacy AVC', () => {
    expect(parseVideoTag(hex('27 01 000050 00000001 41')).compositionOffsetMs).toBe(80);
    expect(parseVideoTag(hex('27 01 ffffd8 00000001 41')).compositionOffsetMs).toBe(-40);
  });

  it('reads codec id 12 as HEVC', () => {
    expect(parseVideoTag(hex('1c 01 000000 aa'))).toMatchObject({
      codec: 'hvc1',
      packetType: 'coded-frames',
    });
  });

  it('reads legacy codecs without configuration as coded frames from the second byte on', () => {
    expect(parseVideoTag(hex('22 aabb'))).toMatchObject({
      codec: 'h263',
      frameType: 'inter',
      packetType: 'coded-frames',
      tracks: [{ start: 1, end: 3 }],
    });
  });

  it('reads a legacy command frame without looking for a body', () => {
    expect(parseVideoTag(hex('57 00'))).toMatchObject({
      packetType: 'command',
      frameType: 'command',
      tracks: [],
    });
  });

  it.each([
    ['avc1', 8],
    ['hvc1', 8],
    ['vvc1', 8],
    ['av01', 5],
    ['vp08', 5],
    ['vp09', 5],
  ])('finds the coded data of an enhanced %s frame at byte %i', (fourCc, start) => {
    const payload = enhancedVideo({ packetType: 1, fourCc, body: hex('000021 aabbcc') });
    expect(parseVideoTag(payload)).toMatchObject({
      isEnhanced: true,
      codec: fourCc,
      packetType: 'coded-frames',
      compositionOffsetMs: start === 8 ? 33 : 0,
      tracks: [{ trackId: 0, start, end: payload.length }],
    });
  });

  it('takes CodedFramesX as coded frames without composition offset', () => {
    const payload = enhancedVideo({ frameType: 2, packetType: 3, fourCc: 'hvc1', body });
    expect(parseVideoTag(payload)).toMatchObject({
      packetType: 'coded-frames',
      frameType: 'inter',
      compositionOffsetMs: 0,
      tracks: [{ start: 5 }],
    });
  });

  it.each([
    [0, 'sequence-start'],
    [2, 'sequence-end'],
    [4, 'metadata'],
    [5, 'mpeg2ts-sequence-start'],
    [9, 'unknown'],
  ])('names enhanced packet type %i %s', (packetType, name) => {
    expect(parseVideoTag(enhancedVideo({ packetType, fourCc: 'av01', body })).packetType).toBe(name);
  });

  it('reads an enhanced command, which has no FourCC, and metadata with the same frame type, which has', () => {
    expect(parseVideoTag(hex('d1 00'))).toMatchObject({
      packetType: 'command',
      codec: 'unknown',
      tracks: [],
    });
    const metadata = enhancedVideo({ frameType: 5, packetType: 4, fourCc: 'hvc1', body });
    expect(parseVideoTag(metadata)).toMatchObject({ packetType: 'metadata', codec: 'hvc1' });
  });

  it('follows several ModEx entries, one of them longer than 256 bytes, and adds no time but the nanoseconds', () => {
    const payload = enhancedVideo({
      packetType: 3,
      fourCc: 'hvc1',
      body,
      modEx: [
        { type: 0, data: u24(999_999) },
        { type: 1, data: Buffer.alloc(300, 7) },
      ],
    });
    expect(parseVideoTag(payload)).toMatchObject({
      packetType: 'coded-frames',
      codec: 'hvc1',
      nanosecondOffset: 999_999,
      tracks: [{ start: payload.length - 3, end: payload.length }],
    });
  });

  it('finds every track of each multitrack form', () => {
    const tracks = [
      { trackId: 0, fourCc: 'avc1', body: hex('000010 aa') },
      { trackId: 3, fourCc: 'av01', body: hex('bbbb') },
    ];
    const many = enhancedVideo({ packetType: 1, fourCc: 'avc1', multitrack: { code: 1, tracks } });
    expect(parseVideoTag(many)).toMatchObject({
      multitrack: 'many-tracks',
      compositionOffsetMs: 16,
      tracks: [
        { trackId: 0, codec: 'avc1', compositionOffsetMs: 16, start: 13, end: 14 },
        // Two bytes cannot hold a composition offset.
        { trackId: 3, codec: 'avc1', start: 20, end: 20 },
      ],
    });
    const codecs = enhancedVideo({ packetType: 1, fourCc: 'avc1', multitrack: { code: 2, tracks } });
    expect(parseVideoTag(codecs)).toMatchObject({
      multitrack: 'many-tracks-many-codecs',
      tracks: [
        { trackId: 0, codec: 'avc1', start: 13, end: 14 },
        { trackId: 3, codec: 'av01', start: 22, end: 24 },
      ],
    });
    const one = enhancedVideo({
      packetType: 3,
      fourCc: 'vp09',
      multitrack: { code: 0, tracks: tracks.slice(1) },
    });
    expect(parseVideoTag(one)).toMatchObject({
      multitrack: 'one-track',
      tracks: [{ trackId: 3, codec: 'vp09', start: 7, end: 9 }],
    });
  });

  it('does not follow a track size that passes the end', () => {
    const payload = enhancedVideo({
      packetType: 1,
      fourCc: 'av01',
      multitrack: { code: 1, tracks: [{ trackId: 0, body }] },
    });
    payload.writeUIntBE(4, payload.length - 6, 3);
    expect(parseVideoTag(payload)).toMatchObject({ packetType: 'unknown', tracks: [] });
  });

  it('refuses multitrack within multitrack', () => {
    expect(parseVideoTag(hex('96 06 61766331 00')).packetType).toBe('unknown');
  });

  it('stops at 256 tracks', () => {
    const tracks = Array.from({ length: 257 }, (_, index) => ({
      trackId: index & 255,
      body: Buffer.alloc(0),
    }));
    const of = (count: number) =>
      enhancedVideo({
        packetType: 1,
        fourCc: 'av01',
        multitrack: { code: 1, tracks: tracks.slice(0, count) },
      });
    expect(parseVideoTag(of(256)).tracks).toHaveLength(256);
    expect(parseVideoTag(of(257)).packetType).toBe('unknown');
  });

  it.each([
    '',
    '17',
    '1701',
    '17010000',
    '90',
    '906176',
    '9708',
    '97ff',
    '97ff0001',
    '9600',
    '961061763031',
    'f7',
  ])('takes the short body %j as unknown', (text) => {
    expect(parseVideoTag(hex(text))).toMatchObject({ packetType: 'unknown', tracks: [] });
  });
});

describe('parseAudioTag', () => {
  it('reads legacy AAC', () => {
    expect(parseAudioTag(hex('af 00 1210'))).toMatchObject({ codec: 'mp4a', packetType: 'sequence-start' });
    expect(parseAudioTag(hex('af 01 21'))).toEqual({
      isEnhanced: false,
      packetType: 'coded-frames',
      codec: 'mp4a',
      multitrack: 'none',
      nanosecondOffset: 0,
      tracks: [{ trackId: 0, codec: 'mp4a', compositionOffsetMs: 0, start: 2, end: 3 }],
    });
  });

  it('reads legacy MP3, also at 8 kHz, and Speex', () => {
    expect(parseAudioTag(hex('2f fffb')).codec).toBe('.mp3');
    expect(parseAudioTag(hex('ef fffb')).codec).toBe('.mp3');
    expect(parseAudioTag(hex('b2 00')).codec).toBe('speex');
  });

  it.each([
    [0, 'sequence-start'],
    [1, 'coded-frames'],
    [2, 'sequence-end'],
    [4, 'multichannel-config'],
    [8, 'unknown'],
  ])('names enhanced packet type %i %s', (packetType, name) => {
    expect(parseAudioTag(enhancedAudio({ packetType, fourCc: 'Opus', body }))).toMatchObject({
      isEnhanced: true,
      codec: 'Opus',
      packetType: name,
      tracks: [{ start: 5, end: 8 }],
    });
  });

  it.each(['ac-3', 'ec-3', 'Opus', '.mp3', 'fLaC', 'mp4a'])('knows %s', (fourCc) => {
    expect(parseAudioTag(enhancedAudio({ packetType: 1, fourCc, body })).codec).toBe(fourCc);
  });

  it('reads multitrack behind ModEx', () => {
    const tracks = [{ trackId: 1, fourCc: 'fLaC', body }];
    const payload = enhancedAudio({
      packetType: 0,
      fourCc: 'Opus',
      multitrack: { code: 2, tracks },
      modEx: [{ type: 0, data: u24(5) }],
    });
    expect(parseAudioTag(payload)).toMatchObject({
      packetType: 'sequence-start',
      nanosecondOffset: 5,
      multitrack: 'many-tracks-many-codecs',
      tracks: [{ trackId: 1, codec: 'fLaC' }],
    });
  });

  it.each(['', 'af', '9f', '90 4f70', '95', '9f 00', 'c0 00', '90 00'])(
    'takes the short or reserved body %j as unknown',
    (text) => {
      expect(parseAudioTag(hex(text))).toMatchObject({ packetType: 'unknown', tracks: [] });
    },
  );
});

describe('heads of random bytes', () => {
  const heads = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    // Mostly enhanced, so that the loops are entered.
    fc
      .tuple(fc.constantFrom(0x96, 0x97, 0x95, 0x90, 0xa6, 0xf7), fc.uint8Array({ maxLength: 300 }))
      .map(([first, rest]) => Uint8Array.from([first, ...rest])),
  );

  it('never throw, and every track lies within the payload', () => {
    fc.assert(
      fc.property(heads, (bytes) => {
        const payload = Buffer.from(bytes);
        for (const { tracks } of [parseVideoTag(payload), parseAudioTag(payload)]) {
          for (const { start, end } of tracks) {
            expect(start).toBeGreaterThan(0);
            expect(end).toBeGreaterThanOrEqual(start);
            expect(end).toBeLessThanOrEqual(payload.length);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('read the same tracks as were built', () => {
    const track = fc.record({
      trackId: fc.nat(255),
      fourCc: fc.constantFrom('av01', 'vp08', 'vp09'),
      body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    const built = fc.record({
      code: fc.constantFrom(1, 2),
      tracks: fc.array(track, { minLength: 1, maxLength: 9 }),
    });
    fc.assert(
      fc.property(built, ({ code, tracks }) => {
        const multitrack = { code, tracks };
        const payload = enhancedVideo({ packetType: 1, fourCc: 'av01', multitrack });
        const read = parseVideoTag(payload).tracks.map(({ trackId, codec, start, end }) => {
          return { trackId, codec, body: payload.subarray(start, end) };
        });
        const codecOf = (fourCc: string): string => (code === 2 ? fourCc : 'av01');
        expect(read).toEqual(
          tracks.map(({ trackId, fourCc, body }) => ({ trackId, codec: codecOf(fourCc), body })),
        );
      }),
    );
  });
});
