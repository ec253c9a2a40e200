import { streamKey, type CloseReason } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { Frame, FrameKind } from '../frame.ts';
import type { FrameRingLimits } from '../frame-ring.ts';
import { LiveStream, type AttachOptions, type FlushPlan } from '../live-stream.ts';
import type { StreamFormat } from '../stream-format.ts';
import { defaultBacklogLimits, type Subscription } from '../subscriber.ts';
import { classifyFrame } from '../tag-header-role.ts';
import { RecordingSink } from './recording-sink.ts';

/** One word for each frame, so that a failing expectation shows what a viewer saw: `<av>H@40 K2 a3 v4`. */
export const textFormat: StreamFormat = {
  id: 'text',
  preamble: ({ hasAudio, hasVideo }) => Buffer.from(`<${hasAudio ? 'a' : ''}${hasVideo ? 'v' : ''}>`),
  encode: (frames) => Buffer.from(frames.map((frame) => `${label(frame)} `).join('')),
};

/** Frames at once for fewer viewers than that, merged for 100 ms from there on. */
export function mergeFrom(viewers: number): FlushPlan {
  const steps = [
    { viewers: 0, windowMs: 0 },
    { viewers, windowMs: 100 },
  ];
  return { low: steps, normal: steps };
}

/** A viewer that keeps what it sees. */
export interface Watcher {
  readonly sink: RecordingSink;
  readonly ends: CloseReason[];
  readonly subscription: Subscription;
  text(): string;
}

const avcHeader = Buffer.from([0x17, 0, 0, 0, 0, 1, 100, 0, 31]);
const otherAvcHeader = Buffer.from([0x17, 0, 0, 0, 0, 1, 77, 0, 40]);
const aacHeader = Buffer.from([0xaf, 0, 0x12, 0x10]);

/** A live stream with a clock moved by hand, fed frame by frame, each 20 ms after the one before. */
export class LiveStreamRig {
  readonly clock: ManualClock = new ManualClock();
  readonly stream: LiveStream;
  #sequence = 0;

  constructor(flushPlan: FlushPlan = mergeFrom(1_000_000), ring: FrameRingLimits = {}) {
    const { clock } = this;
    this.stream = new LiveStream({
      key: streamKey('live', 'test'),
      clock,
      ring: { ...ring, keep: 'gop' },
      flushPlan,
    });
  }

  push(kind: FrameKind, payload: Buffer): void {
    const sequence = this.#sequence++;
    const role = classifyFrame(kind, payload);
    this.stream.push({ kind, role, sequence, timestampMs: sequence * 20, payload });
  }

  pushHeaders(): void {
    this.push('video', avcHeader);
    this.pushAudioHeader();
  }

  pushOtherVideoHeader(): void {
    this.push('video', otherAvcHeader);
  }

  pushAudioHeader(): void {
    this.push('audio', aacHeader);
  }

  pushKeyframe(bytes = 8): void {
    this.push('video', Buffer.concat([Buffer.from([0x17, 1, 0, 0, 0]), Buffer.alloc(bytes)]));
  }

  pushInter(bytes = 8): void {
    this.push('video', Buffer.concat([Buffer.from([0x27, 1, 0, 0, 0]), Buffer.alloc(bytes)]));
  }

  pushAudio(): void {
    this.push('audio', Buffer.from([0xaf, 1, 9, 9]));
  }

  watch(options: Partial<AttachOptions> = {}): Watcher {
    const sink = new RecordingSink();
    const ends: CloseReason[] = [];
    const subscription = this.stream.attach({
      format: textFormat,
      sink,
      backlog: defaultBacklogLimits,
      latency: 'normal',
      from: 'keyframe',
      ended: (reason) => ends.push(reason),
      ...options,
    });
    return { sink, ends, subscription, text: () => Buffer.concat(sink.writes).toString().trim() };
  }
}

function label(frame: Frame): string {
  if (frame.role === 'header') return `H@${String(frame.timestampMs)}`;
  const letter = frame.role === 'keyframe' ? 'K' : frame.kind === 'video' ? 'v' : 'a';
  return letter + String(frame.sequence);
}
