// What delivery may cost, counted and not timed: write calls, encodings, copies, and bytes of heap. The figures are exact or
// nearly so on any machine; docs/benchmarks.md has those that are measured in seconds. A change that makes delivery dearer
// fails here; one that makes it cheaper lowers the budget.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Session, type HeapProfiler } from 'node:inspector';
import { streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import {
  flvFormat,
  immediateFlushPlan,
  LiveStream,
  type FlushPlan,
  type LatencyClass,
  type Sink,
  type StreamFormat,
} from '@headwater/media';
import { testFrames } from '@headwater/media/testing';
import { relayFormat } from '@headwater/relay';
import {
  ChunkReader,
  defaultChunkReaderLimits,
  encodeMessages,
  frameMessage,
  rtmpFormat,
} from '@headwater/rtmp';
import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { backlogOf, flushPlanOf, ringOf } from './fan-out-settings.ts';

interface Budget {
  /** Write calls a viewer gets each second, by latency class and number of viewers of the stream. */
  readonly writesPerViewerSecond: Readonly<Record<LatencyClass, Readonly<Record<string, number>>>>;
  /** How often a second of the stream is encoded for one format, whatever the number of viewers. */
  readonly encodingsPerSecond: number;
  /** Messages that the relay sends an edge for each second of the stream. */
  readonly relayMessagesPerSecond: number;
  /** Bytes of heap that a second of the stream to one of 1,000 viewers allocates, the socket's own work left aside. */
  readonly heapBytesPerViewerSecond: number;
  /** Bytes of buffers that the chunk reader makes for each byte of payload. */
  readonly readerBytesPerPayloadByte: number;
  /** Bytes of buffers that a format makes for each byte it writes. */
  readonly formatBytesPerWrittenByte: number;
}

const budget = JSON.parse(readFileSync(join(import.meta.dirname, 'delivery-budget.json'), 'utf8')) as Budget;
const seconds = 10;
const frames = testFrames({ seconds, gopSeconds: 2 });
const { config } = loadConfig();

class CountingSink implements Sink {
  readonly pendingBytes = 0;
  writes = 0;
  last: Buffer | undefined;

  write(bytes: Buffer): void {
    this.writes++;
    this.last = bytes;
  }
}

function counting(format: StreamFormat): StreamFormat & { encodings: number } {
  return {
    id: format.id,
    encodings: 0,
    preamble: (tracks) => format.preamble(tracks),
    encode(some) {
      this.encodings++;
      return format.encode(some);
    },
  };
}

interface Audience {
  readonly viewers: number;
  readonly latency: LatencyClass;
  readonly format?: StreamFormat;
  readonly flushPlan?: FlushPlan;
}

/** A stream with that many viewers, who have all started. */
function audience({
  viewers,
  latency,
  format: inner = rtmpFormat({ messageStreamId: 1 }),
  flushPlan = flushPlanOf(config),
}: Audience) {
  const clock = new ManualClock();
  const live = new LiveStream({
    key: streamKey('live', 'a'),
    clock,
    ring: { ...ringOf(config), keep: 'gop' },
    flushPlan,
  });
  const format = counting(inner);
  const sinks = Array.from({ length: viewers }, () => new CountingSink());
  const deliver = (from: number, to: number): void => {
    for (const frame of frames) {
      if (frame.timestampMs < from || frame.timestampMs >= to) continue;
      clock.advance(Math.max(0, frame.timestampMs - clock.nowMs()));
      live.push(frame);
    }
  };
  deliver(0, 2_000);
  for (const sink of sinks) {
    live.attach({
      format,
      sink,
      backlog: backlogOf(config),
      latency,
      from: 'keyframe',
      ended: () => undefined,
    });
  }
  deliver(2_000, 4_000);
  for (const sink of sinks) sink.writes = 0;
  format.encodings = 0;
  return { sinks, format, deliver };
}

describe.each(['low', 'normal'] as const)('a stream whose viewers want latency %s', (latency) => {
  it.each(Object.entries(budget.writesPerViewerSecond[latency]))(
    'is written to each of %s viewers no oftener than its budget, all getting the same buffers',
    (viewers, most) => {
      const { sinks, format, deliver } = audience({ viewers: Number(viewers), latency });
      deliver(4_000, seconds * 1_000);
      const writes = sinks.reduce((sum, sink) => sum + sink.writes, 0);
      const perViewerSecond = writes / sinks.length / (seconds - 4);
      expect(perViewerSecond).toBeLessThanOrEqual(most);
      expect(perViewerSecond).toBeGreaterThan(most * 0.9);
      expect(format.encodings / (seconds - 4)).toBeLessThanOrEqual(budget.encodingsPerSecond);
      // Those of one group got the very same bytes.
      const groups = Math.ceil(sinks.length / 250);
      expect(new Set(sinks.map((sink) => sink.last)).size).toBeLessThanOrEqual(groups);
    },
  );
});

describe('a stream that 200 edges pull', () => {
  it('is encoded once for all of them, and sent to each no oftener than the budget', () => {
    const { sinks, format, deliver } = audience({
      viewers: 200,
      latency: 'low',
      format: relayFormat(1),
      flushPlan: immediateFlushPlan,
    });
    deliver(4_000, seconds * 1_000);
    const writes = sinks.reduce((sum, sink) => sum + sink.writes, 0);
    expect(writes).toBe(format.encodings * sinks.length);
    expect(format.encodings / (seconds - 4)).toBeLessThanOrEqual(budget.relayMessagesPerSecond);
    expect(new Set(sinks.map((sink) => sink.last)).size).toBe(1);
  });
});

describe('the heap', () => {
  it('grows by no more than the budget for each second of a viewer', () => {
    const { sinks, deliver } = audience({ viewers: 1_000, latency: 'normal' });
    deliver(4_000, 6_000);
    // How soon code is compiled, which allocates less, depends on the machine: the best second counts.
    const perViewer = [6, 7, 8, 9].map(
      (second) =>
        allocatedBy(() => {
          deliver(second * 1_000, (second + 1) * 1_000);
        }) / sinks.length,
    );
    expect(Math.min(...perViewer)).toBeLessThanOrEqual(budget.heapBytesPerViewerSecond);
  });
});

describe('a byte of payload', () => {
  it('is copied by the chunk reader no oftener than the budget', () => {
    const bytes = encodeMessages(
      frames.map((frame) => frameMessage(frame, 1)),
      4_096,
    );
    const reader = new ChunkReader(defaultChunkReaderLimits);
    reader.setChunkSize(4_096);
    const made = buffersMadeBy(() => {
      for (let at = 0; at < bytes.length; at += 1_460) {
        reader.read(bytes.subarray(at, at + 1_460), () => undefined);
      }
    });
    expect(made / payloadBytes()).toBeLessThanOrEqual(budget.readerBytesPerPayloadByte);
  });

  it.each([rtmpFormat({ messageStreamId: 1 }), flvFormat])(
    'is copied by the format $id no oftener than the budget',
    (format) => {
      let written = 0;
      const made = buffersMadeBy(() => {
        for (let at = 0; at < frames.length; at += 7) {
          written += format.encode(frames.slice(at, at + 7)).length;
        }
      });
      expect(made / written).toBeLessThanOrEqual(budget.formatBytesPerWrittenByte);
    },
  );
});

function payloadBytes(): number {
  return frames.reduce((sum, frame) => sum + frame.payload.length, 0);
}

/** Bytes of heap that `run` allocates, as V8's profiler counts them when it looks at every allocation. */
function allocatedBy(run: () => void): number {
  const session = new Session();
  session.connect();
  let bytes = 0;
  session.post('HeapProfiler.startSampling', {
    samplingInterval: 1,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  run();
  session.post('HeapProfiler.stopSampling', (error, { profile }) => {
    if (error !== null) throw error;
    bytes = bytesOf(profile.head);
  });
  session.disconnect();
  return bytes;
}

function bytesOf({ selfSize, children }: HeapProfiler.SamplingHeapProfileNode): number {
  return children.reduce((sum, child) => sum + bytesOf(child), selfSize);
}

/** Bytes of the buffers that `run` makes. */
function buffersMadeBy(run: () => void): number {
  const methods = ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'concat'] as const;
  const spies = methods.map((method) => vi.spyOn(Buffer, method));
  run();
  let bytes = 0;
  for (const spy of spies) {
    for (const { value } of spy.mock.results) if (value instanceof Buffer) bytes += value.length;
    spy.mockRestore();
  }
  return bytes;
}
