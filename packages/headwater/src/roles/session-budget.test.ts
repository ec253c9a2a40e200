// What a connection may cost, counted and not timed: for each frame that a publisher sends, and for a client that is
// merely there. docs/benchmarks.md has what is measured in seconds.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger, type Clock } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { testFrames } from '@headwater/media/testing';
import { OriginRig } from '@headwater/origin/testing';
import {
  encodeMessages,
  frameMessage,
  rtmpChunkSizeOut,
  RtmpServerSession,
  type PlayRequest,
  type PublishRequest,
} from '@headwater/rtmp';
import { ClientBytes } from '@headwater/rtmp/testing';
import { describe, expect, it, vi } from 'vitest';

interface Budget {
  readonly clockReadsPerFrame: number;
  readonly timersPerFrame: number;
  /** Buffers made for a frame that comes in a read of its own. */
  readonly buffersPerFrame: number;
  /** Timers set for a viewer to whom nothing is sent. */
  readonly timersPerSession: number;
  /** Bytes of heap and buffers of a viewer's session, its socket and its place in the stream left aside. */
  readonly bytesPerSession: number;
}

const budget = JSON.parse(readFileSync(join(import.meta.dirname, 'session-budget.json'), 'utf8')) as Budget;

interface Wishes {
  publish?(request: PublishRequest): void;
  play?(request: PlayRequest): void;
}

/** A session whose client asks for something right after it has connected. */
function openSession(clock: Clock, action: 'publish' | 'play', wishes: Wishes): RtmpServerSession {
  const session = new RtmpServerSession({
    clock,
    logger: silentLogger,
    output: () => undefined,
    delegate: {
      connect: () => undefined,
      publish: (request) => wishes.publish?.(request),
      play: (request) => wishes.play?.(request),
      closed: () => undefined,
    },
  });
  const client = new ClientBytes().handshake().connect();
  client.control({ kind: 'setChunkSize', chunkSize: rtmpChunkSizeOut });
  client.call({ name: 'createStream', transactionId: 2 });
  client.call({ name: action, transactionId: 3, args: [null, 'cam', 'live'], messageStreamId: 1 });
  session.read(client.take());
  return session;
}

describe('a frame of a publisher', () => {
  it('costs no timer, no copy and few looks at the clock', async () => {
    const rig = new OriginRig();
    const origin = await rig.origin('origin-1');
    const context = { sessionId: 'publisher', protocol: 'rtmp', remoteAddress: '192.0.2.1' } as const;
    const session = openSession(rig.clock, 'publish', {
      publish: (request) => void origin.publish(request, context),
    });
    await vi.waitUntil(() => origin.publishers === 1);
    const reads = testFrames({ seconds: 4, gopSeconds: 2, hasMetadata: false }).map((frame) =>
      encodeMessages([frameMessage(frame, 1)], rtmpChunkSizeOut),
    );
    // The headers, of which the registry is told.
    for (const read of reads.splice(0, 10)) session.read(read);
    const counted = [
      vi.spyOn(rig.clock, 'nowMs'),
      vi.spyOn(rig.clock, 'after'),
      vi.spyOn(rig.clock, 'every'),
      vi.spyOn(Buffer, 'allocUnsafeSlow'),
      vi.spyOn(Buffer, 'allocUnsafe'),
    ];
    for (const read of reads) session.read(read);
    const [looks = 0, ...calls] = counted.map((spy) => spy.mock.calls.length / reads.length);
    const [after = 0, every = 0, slow = 0, pooled = 0] = calls;
    for (const spy of counted) spy.mockRestore();
    expect([...origin.streams.values()].map(({ stats }) => stats.framesIn)).toEqual([reads.length + 10]);
    expect(looks).toBeLessThanOrEqual(budget.clockReadsPerFrame);
    expect(after + every).toBeLessThanOrEqual(budget.timersPerFrame);
    expect(slow + pooled).toBeLessThanOrEqual(budget.buffersPerFrame);
    origin.close();
  });
});

describe('a viewer to whom nothing is sent', () => {
  it('holds no more timers and memory than the budget', () => {
    const clock = new ManualClock();
    const open = (): RtmpServerSession =>
      openSession(clock, 'play', {
        play: (request) => {
          request.accept({ pause: () => undefined, receive: () => undefined, ended: () => undefined });
        },
      });
    Array.from({ length: 50 }, open).forEach((session) => {
      session.transportClosed();
    });
    const before = usedBytes();
    const timersBefore = clock.pendingTimers;
    const sessions = Array.from({ length: 300 }, open);
    const bytes = usedBytes() - before;
    expect((clock.pendingTimers - timersBefore) / sessions.length).toBeLessThanOrEqual(
      budget.timersPerSession,
    );
    expect(bytes / sessions.length).toBeLessThanOrEqual(budget.bytesPerSession);
  });
});

/** Bytes that are in use, on the heap and in buffers. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a first pass finds to be garbage may hold buffers that only a later one frees.
  for (let pass = 0; pass < 3; pass += 1) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
