import { classifyFrame, type FrameKind } from '@headwater/media';
import { describe, expect, it } from 'vitest';
import { RtspMedia } from './rtsp-media.ts';
import type { RtspTrack } from './rtsp-track.ts';

interface Said {
  readonly kind: FrameKind;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

const config = Buffer.from([0x12, 0x10]);
const h264: RtspTrack = { codec: 'h264', clockRate: 90_000 };
const aac: RtspTrack = { codec: 'aac', clockRate: 48_000, config };
const header = Buffer.from([0x17, 0, 0, 0, 0, 1]);

function nal(type: number, fill: number): Buffer {
  return Buffer.from([0, 0, 0, 2, type, fill]);
}

class Harness {
  readonly said: Said[] = [];
  dropped = 0;
  nowMs = 0;
  readonly media: RtspMedia;

  constructor(tracks: readonly RtspTrack[]) {
    this.media = new RtspMedia(tracks, {
      emit: (kind, timestampMs, payload) =>
        this.said.push({ kind, timestampMs, payload: Buffer.from(payload) }),
      dropped: (frames) => (this.dropped += frames),
    });
  }

  picture(track: number, timestamp: number, options: { isKey?: boolean; isContiguous?: boolean } = {}): void {
    const { isKey = false, isContiguous = true } = options;
    const parts = [nal(isKey ? 0x65 : 0x41, timestamp & 0xff)];
    const packet = { timestamp: timestamp >>> 0, isLast: true, isContiguous, parts };
    this.media.packet(track, isKey ? { ...packet, header } : packet, this.nowMs);
  }

  sound(track: number, timestamp: number, units = 1): void {
    const parts = Array.from({ length: units }, (_, index) => Buffer.from([0xaf, 1, index]));
    this.media.packet(track, { timestamp, isLast: true, isContiguous: true, parts }, this.nowMs);
  }

  times(kind: FrameKind): number[] {
    return this.said
      .filter((one) => one.kind === kind && classifyFrame(kind, one.payload) !== 'header')
      .map(({ timestampMs }) => timestampMs);
  }
}

/** Keyframe first, then as many pictures at 25 a second. */
function pictures(harness: Harness, track: number, first: number, count: number): void {
  for (let index = 0; index < count; index++) {
    harness.picture(track, first + index * 3_600, { isKey: index === 0 });
  }
}

describe('messages of an RTSP source', () => {
  it('count from 0 in ms, across the end of 32 bits', () => {
    const harness = new Harness([h264]);
    pictures(harness, 0, 2 ** 32 - 7_200, 10);
    expect(harness.times('video')).toEqual([0, 40, 80, 120, 160, 200, 240, 280, 320, 360]);
    expect(harness.said[0]?.payload).toEqual(header);
    expect(classifyFrame('video', harness.said[1]!.payload)).toBe('keyframe');
  });

  it('relate sound and picture by the times that the source announced', () => {
    const harness = new Harness([
      { ...h264, startTimestamp: 90_000 },
      { ...aac, startTimestamp: 480_000 },
    ]);
    // The sound of the same moment arrives later, and begins 500 ms later.
    harness.nowMs = 700;
    pictures(harness, 0, 90_000, 8);
    harness.sound(1, 480_000 + 24_000);
    pictures(harness, 0, 90_000 + 8 * 3_600, 1);
    expect(harness.times('audio')).toEqual([500]);
    expect(harness.times('video')[0]).toBe(0);
  });

  it('relate them by sender reports where nothing was announced', () => {
    const harness = new Harness([h264, aac]);
    harness.sound(1, 1_000);
    pictures(harness, 0, 50_000, 8);
    harness.media.senderReport(0, { ntpMs: 10_000, rtpTimestamp: 50_000 });
    harness.media.senderReport(1, { ntpMs: 10_250, rtpTimestamp: 1_000 });
    harness.picture(0, 50_000 + 8 * 3_600);
    expect(harness.times('video')[0]).toBe(0);
    expect(harness.times('audio')).toEqual([250]);
  });

  it('relate them by their arrival after a second without either', () => {
    const harness = new Harness([h264, aac]);
    pictures(harness, 0, 50_000, 8);
    harness.nowMs = 120;
    harness.sound(1, 9_000_000);
    expect(harness.said).toEqual([]);
    harness.nowMs = 1_000;
    harness.sound(1, 9_001_024);
    expect(harness.times('video')[0]).toBe(0);
    expect(harness.times('audio')).toEqual([120, 141]);
  });

  it('do not believe an announcement that the first packets contradict', () => {
    const harness = new Harness([{ ...h264, startTimestamp: 0 }]);
    pictures(harness, 0, 900_000_000, 9);
    expect(harness.times('video')[0]).toBe(0);
  });

  it('give each of several units of sound in one packet a time of its own', () => {
    const harness = new Harness([aac]);
    harness.sound(0, 0, 3);
    expect(harness.said[0]?.payload).toEqual(Buffer.concat([Buffer.from([0xaf, 0]), config]));
    expect(harness.times('audio')).toEqual([0, 21, 43]);
  });

  it('put the NAL units of one picture into one message', () => {
    const harness = new Harness([h264]);
    const packet = { timestamp: 0, isContiguous: true };
    harness.media.packet(0, { ...packet, isLast: false, header, parts: [nal(0x06, 1)] }, 0);
    harness.media.packet(0, { ...packet, isLast: true, parts: [nal(0x65, 2), nal(0x65, 3)] }, 0);
    pictures(harness, 0, 3_600, 8);
    expect(harness.said[1]?.payload).toEqual(
      Buffer.concat([Buffer.from([0x17, 1, 0, 0, 0]), nal(0x06, 1), nal(0x65, 2), nal(0x65, 3)]),
    );
  });

  it('end a picture without a marker when the next one begins', () => {
    const harness = new Harness([h264]);
    const packet = { isLast: false, isContiguous: true };
    for (let index = 0; index < 10; index++) {
      const parts = [nal(index === 0 ? 0x65 : 0x41, index)];
      const own = { ...packet, timestamp: index * 3_600, parts };
      harness.media.packet(0, index === 0 ? { ...own, header } : own, 0);
    }
    expect(harness.times('video')).toHaveLength(9);
  });

  it('leave out and count pictures with missing packets, and everything before the first keyframe', () => {
    const harness = new Harness([h264]);
    for (const index of [0, 1]) harness.picture(0, index * 3_600);
    pictures(harness, 0, 7_200, 8);
    harness.picture(0, 7_200 + 8 * 3_600, { isContiguous: false });
    harness.picture(0, 7_200 + 9 * 3_600);
    expect(harness.dropped).toBe(1);
    expect(harness.times('video')).toEqual([80, 120, 160, 200, 240, 280, 320, 360, 440]);
  });

  it.each([
    ['back', 90_000 * 100 - 90_000 * 6],
    ['ahead', 90_000 * 100 + 90_000 * 31],
  ])('end where the clock of the source jumps %s', (_where, timestamp) => {
    const harness = new Harness([h264]);
    harness.picture(0, 90_000 * 100, { isKey: true });
    expect(() => harness.picture(0, timestamp)).toThrow("the source's clock jumped by");
  });

  it('give up a picture above 16 MiB without keeping it', () => {
    const harness = new Harness([h264]);
    const part = Buffer.alloc(1024 * 1024);
    part.writeUInt32BE(part.length - 4);
    for (let count = 0; count < 40; count++) {
      harness.media.packet(0, { timestamp: 0, isLast: false, isContiguous: true, parts: [part] }, 0);
    }
    pictures(harness, 0, 3_600, 8);
    expect(harness.dropped).toBe(1);
    expect(harness.times('video')).toHaveLength(8);
  });
});
