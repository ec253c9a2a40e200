import { ManualClock } from '@headwater/contracts/testing';
import { classifyFrame, type FrameKind } from '@headwater/media';
import { describe, expect, it } from 'vitest';
import { ClipPublisher } from './clip-publisher.ts';
import { readDemoClip } from './demo-clip.ts';

interface Sent {
  readonly kind: FrameKind;
  readonly timestampMs: number;
  readonly payload: Buffer;
}

const clip = readDemoClip();

describe('ClipPublisher', () => {
  function published(
    forMs: number,
    stepMs: number,
  ): { sent: Sent[]; clock: ManualClock; publisher: ClipPublisher } {
    const sent: Sent[] = [];
    const clock = new ManualClock();
    const publisher = new ClipPublisher(clip, clock, {
      sendMedia: (kind, timestampMs, payload) => void sent.push({ kind, timestampMs, payload }),
    });
    publisher.start();
    for (let at = 0; at < forMs; at += stepMs) clock.advance(stepMs);
    return { sent, clock, publisher };
  }

  it('sends the headers once, then every frame when it is due', () => {
    const { sent } = published(1000, 20);
    expect(sent.slice(0, 3).map(({ kind }) => kind)).toEqual(['data', 'video', 'audio']);
    expect(sent.filter(({ kind, payload }) => classifyFrame(kind, payload) === 'header')).toHaveLength(2);
    expect(sent.at(-1)?.timestampMs).toBeGreaterThan(950);
    expect(sent.at(-1)?.timestampMs).toBeLessThanOrEqual(1000);
  });

  it('goes round without a gap, a repetition or a step back in time', () => {
    const { sent } = published(3 * clip.durationMs, 20);
    for (const [kind, longest] of [
      ['video', 41],
      ['audio', 23],
    ] as const) {
      const times = sent.filter((tag) => tag.kind === kind).map((tag) => tag.timestampMs);
      const gaps = times.slice(2).map((time, index) => time - (times[index + 1] ?? 0));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(longest);
      expect(Math.min(...gaps)).toBeGreaterThan(15);
    }
    const sorted = sent.map((tag) => tag.timestampMs).toSorted((left, right) => left - right);
    expect(sent.map((tag) => tag.timestampMs)).toEqual(sorted);
  });

  it('sends nothing more after it was stopped', () => {
    const { sent, clock, publisher } = published(100, 20);
    publisher.stop();
    const { length } = sent;
    clock.advance(1000);
    expect([sent.length, clock.pendingTimers]).toEqual([length, 0]);
  });
});

describe('the clip', () => {
  it('is small, and starts with a keyframe of every 2 s', () => {
    const bytes = clip.media.reduce((sum, tag) => sum + tag.payload.length, 0);
    expect(bytes).toBeLessThan(300_000);
    const video = clip.media.filter((tag) => tag.kind === 'video');
    const keyframes = video.filter((tag) => classifyFrame('video', tag.payload) === 'keyframe');
    expect(keyframes[0]).toBe(video[0]);
    expect(keyframes).toHaveLength(4);
    expect(clip.durationMs).toBe(8000);
  });
});
