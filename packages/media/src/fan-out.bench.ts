// From a stream's frames to the writes for its viewers: 1 Mbit/s of H.264 at 25 fps, and AAC. One iteration is 2 s of it.
import { streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { bench, describe } from 'vitest';
import { flvFormat } from './flv-format.ts';
import type { Frame } from './frame.ts';
import { LiveStream } from './live-stream.ts';
import type { Sink } from './sink.ts';
import { defaultBacklogLimits } from './subscriber.ts';
import { testFrames } from './testing/index.ts';
import { Timeline } from './timeline.ts';

const frames = testFrames({ seconds: 2, gopSeconds: 2, videoBitrate: 950_000, audioBitrate: 128_000 });
const loopMs = 2_000;

/** Calls `take` with 2 s more of an endless stream each time, moving the clock along with it. */
function endless(clock: ManualClock, take: (frame: Frame) => void): () => void {
  let loops = 0;
  return () => {
    for (const frame of frames) {
      const timestampMs = frame.timestampMs + loops * loopMs;
      clock.advance(Math.max(0, timestampMs - clock.nowMs()));
      take({ ...frame, sequence: frame.sequence + loops * frames.length, timestampMs });
    }
    loops++;
  };
}

class NullSink implements Sink {
  readonly pendingBytes = 0;
  write(): void {
    // Nothing: what is measured is all that comes before.
  }
}

describe.each([
  ['each frame', 0],
  ['merged for 100 ms', 100],
  ['merged for 350 ms', 350],
] as const)('a fan-out to 1,000 sinks, %s', (_, windowMs) => {
  const clock = new ManualClock();
  const steps = [{ viewers: 0, windowMs }];
  const live = new LiveStream({
    key: streamKey('live', 'a'),
    clock,
    ring: { keep: 'gop' },
    flushPlan: { low: steps, normal: steps },
  });
  const push = endless(clock, (frame) => {
    live.push(frame);
  });
  push();
  for (let count = 0; count < 1_000; count++) {
    live.attach({
      format: flvFormat,
      sink: new NullSink(),
      backlog: defaultBacklogLimits,
      latency: 'normal',
      from: 'keyframe',
      ended: () => undefined,
    });
  }
  bench('2 s', push);
});

describe('flvFormat.encode', () => {
  for (const batchFrames of [1, 3, 25]) {
    bench(`2 s in batches of ${String(batchFrames)}`, () => {
      for (let at = 0; at < frames.length; at += batchFrames) {
        flvFormat.encode(frames.slice(at, at + batchFrames));
      }
    });
  }
});

describe('Timeline', () => {
  const clock = new ManualClock();
  const timeline = new Timeline({ clock, output: { spliced: () => undefined, frame: () => undefined } });
  const push = endless(clock, (frame) => {
    timeline.push(1, frame);
  });
  bench('2 s', push);
});
