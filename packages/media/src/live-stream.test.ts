import type { CloseReason } from '@headwater/contracts';
import { streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Frame, FrameKind } from './frame.ts';
import type { FrameRingLimits } from './frame-ring.ts';
import { LiveStream, type AttachOptions, type FlushPlan } from './live-stream.ts';
import type { StreamFormat } from './stream-format.ts';
import { defaultBacklogLimits } from './subscriber.ts';
import { classifyFrame } from './tag-header-role.ts';
import { RecordingSink } from './testing/recording-sink.ts';

// One line of text for each frame, so that a failing expectation shows what a viewer saw.
const textFormat: StreamFormat = {
  id: 'text',
  preamble: ({ hasAudio, hasVideo }) => Buffer.from(`<${hasAudio ? 'a' : ''}${hasVideo ? 'v' : ''}>`),
  encode: (frames) => Buffer.from(frames.map((frame) => `${label(frame)} `).join('')),
};
const mergeFrom = (viewers: number): FlushPlan => {
  const steps = [
    { viewers: 0, windowMs: 0 },
    { viewers, windowMs: 100 },
  ];
  return { low: steps, normal: steps };
};

const avcHeader = Buffer.from([0x17, 0, 0, 0, 0, 1, 100, 0, 31]);
const otherAvcHeader = Buffer.from([0x17, 0, 0, 0, 0, 1, 77, 0, 40]);
const aacHeader = Buffer.from([0xaf, 0, 0x12, 0x10]);

let clock: ManualClock;
let stream: LiveStream;
let sequence: number;

function label(frame: Frame): string {
  const letter =
    frame.role === 'header' ? 'H' : frame.role === 'keyframe' ? 'K' : frame.kind === 'video' ? 'v' : 'a';
  return `${letter}${frame.role === 'header' ? `@${String(frame.timestampMs)}` : String(frame.sequence)}`;
}

function open(flushPlan: FlushPlan = mergeFrom(1_000_000), ring: FrameRingLimits = {}): void {
  sequence = 0;
  clock = new ManualClock();
  stream = new LiveStream({
    key: streamKey('live', 'test'),
    clock,
    ring: { ...ring, keep: 'gop' },
    flushPlan,
  });
}

function push(kind: FrameKind, payload: Buffer, timestampMs = sequence * 20): void {
  stream.push({ kind, role: classifyFrame(kind, payload), sequence: sequence++, timestampMs, payload });
}

const pushHeaders = (): void => {
  push('video', avcHeader);
  push('audio', aacHeader);
};
const pushKeyframe = (bytes = 8): void => {
  push('video', Buffer.concat([Buffer.from([0x17, 1, 0, 0, 0]), Buffer.alloc(bytes)]));
};
const pushInter = (bytes = 8): void => {
  push('video', Buffer.concat([Buffer.from([0x27, 1, 0, 0, 0]), Buffer.alloc(bytes)]));
};
const pushAudio = (): void => {
  push('audio', Buffer.from([0xaf, 1, 9, 9]));
};

interface Watcher {
  readonly sink: RecordingSink;
  readonly ends: CloseReason[];
  readonly subscription: ReturnType<LiveStream['attach']>;
  text(): string;
}

function watch(options: Partial<AttachOptions> = {}): Watcher {
  const sink = new RecordingSink();
  const ends: CloseReason[] = [];
  const subscription = stream.attach({
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

beforeEach(() => {
  open();
});

describe('joining', () => {
  it('starts with headers at the keyframe time and the GOP so far, in one write', () => {
    pushHeaders();
    pushKeyframe();
    pushAudio();
    pushInter();
    const viewer = watch();
    expect(viewer.sink.writes).toHaveLength(1);
    expect(viewer.text()).toBe('<av>H@40 H@40 K2 a3 v4');
  });

  it('goes on with every later frame exactly once', () => {
    pushHeaders();
    pushKeyframe();
    pushAudio();
    const viewer = watch();
    pushInter();
    pushAudio();
    pushInter();
    expect(viewer.text()).toBe('<av>H@40 H@40 K2 a3 v4 a5 v6');
  });

  it('waits for the first keyframe when there is none yet, and never starts in the middle of a GOP', () => {
    const viewer = watch();
    pushHeaders();
    pushInter();
    pushAudio();
    expect(viewer.text()).toBe('');
    pushKeyframe();
    expect(viewer.text()).toBe('<av>H@80 H@80 K4');
  });

  it('gives all who join within one window the same buffers', () => {
    pushHeaders();
    pushKeyframe();
    const [first, second] = [watch(), watch()];
    expect(second.sink.writes[0]).toBe(first.sink.writes[0]);
    pushInter();
    expect(second.sink.writes[1]).toBe(first.sink.writes[1]);
    expect(watch().text()).toBe('<av>H@40 H@40 K2 v3');
  });

  it('sends the others nothing ahead of their time when there is nothing to start from', () => {
    open(mergeFrom(2), { maxFrames: 4 });
    pushHeaders();
    pushKeyframe();
    const viewers = [watch(), watch()];
    for (let count = 0; count < 4; count++) pushInter();
    for (let count = 0; count < 3; count++) viewers.push(watch());
    expect(viewers.map(({ sink }) => sink.writes.length)).toEqual([1, 1, 0, 0, 0]);
  });

  it('starts at once also when its keyframe is still pending and many others are due before', () => {
    open(mergeFrom(300));
    pushHeaders();
    pushKeyframe();
    for (let count = 0; count < 600; count++) watch();
    pushKeyframe();
    expect(watch().text()).toBe('<av>H@60 H@60 K3');
  });

  it('starts at the next keyframe when that is asked for', () => {
    pushHeaders();
    pushKeyframe();
    const viewer = watch({ from: 'next-keyframe' });
    pushInter();
    expect(viewer.text()).toBe('');
    pushKeyframe();
    expect(viewer.text()).toBe('<av>H@80 H@80 K4');
  });

  it('does not start with a GOP that was made for other headers', () => {
    pushHeaders();
    pushKeyframe();
    push('video', otherAvcHeader);
    const viewer = watch();
    expect(viewer.text()).toBe('');
    pushKeyframe();
    expect(viewer.text()).toBe('<av>H@80 H@80 K4');
  });

  it('starts audio-only streams without any keyframe, once it is clear that no video comes', () => {
    push('audio', aacHeader);
    const viewer = watch();
    pushAudio();
    expect(viewer.text()).toBe('');
    for (let count = 0; count < 40; count++) pushAudio();
    expect(viewer.text()).toMatch(/^<a>H@20 (a\d+ )+a41$/);
  });
});

describe('resuming', () => {
  it('goes on after the given frame with nothing lost and nothing twice', () => {
    pushHeaders();
    pushKeyframe();
    pushAudio();
    pushInter();
    const viewer = watch({ from: { afterSequence: 2 } });
    pushInter();
    expect(viewer.text()).toBe('a3 v4 v5');
  });

  it('goes on while a window is open without repeating what is pending', () => {
    open(mergeFrom(0));
    pushHeaders();
    pushKeyframe();
    watch();
    pushInter();
    const viewer = watch({ from: { afterSequence: 2 } });
    clock.advance(200);
    expect(viewer.text()).toBe('v3');
  });

  it('starts at the keyframe when the frames after it are gone', () => {
    pushHeaders();
    pushKeyframe();
    expect(stream.canResumeAfter(-5)).toBe(false);
    expect(watch({ from: { afterSequence: -5 } }).text()).toBe('<av>H@40 H@40 K2');
  });
});

describe('flushing', () => {
  it('sends audio along with the next video frame', () => {
    pushHeaders();
    pushKeyframe();
    const viewer = watch();
    pushAudio();
    expect(viewer.sink.writes).toHaveLength(1);
    pushInter();
    expect(viewer.sink.writes).toHaveLength(2);
    expect(viewer.sink.writes[1]?.toString()).toBe('a3 v4 ');
  });

  it('does not keep audio back for long when video stays away', () => {
    pushHeaders();
    pushKeyframe();
    const viewer = watch();
    pushAudio();
    clock.advance(250);
    expect(viewer.text()).toMatch(/a3$/);
  });

  it('merges frames into one write per window from the configured audience on', () => {
    open(mergeFrom(2));
    pushHeaders();
    pushKeyframe();
    const viewers = [watch(), watch()];
    pushInter();
    pushInter();
    pushInter();
    expect(viewers[0]?.sink.writes).toHaveLength(1);
    clock.advance(100);
    expect(viewers.map(({ sink }) => sink.writes[1]?.toString())).toEqual(['v3 v4 v5 ', 'v3 v4 v5 ']);
  });

  it('reaches every one of a thousand viewers within the window, in slots', () => {
    open(mergeFrom(300));
    pushHeaders();
    pushKeyframe();
    const viewers = Array.from({ length: 1000 }, () => watch());
    pushInter();
    clock.advance(100);
    const reached = (): number => viewers.filter(({ sink }) => sink.writes.length === 2).length;
    expect(reached()).toBe(250);
    clock.advance(100);
    expect(reached()).toBe(1000);
    expect(new Set(viewers.map(({ sink }) => sink.writes[1])).size).toBe(1);
  });
});

describe('a viewer that does not keep up', () => {
  const backlog = { softBytes: 10_000, softMs: 2_000, hardBytes: 80_000, hardMs: 10_000 };

  it('is written nothing more while it has something pending, and catches up when it reads', () => {
    pushHeaders();
    pushKeyframe();
    const slow = watch({ backlog });
    slow.sink.isBlocked = true;
    pushInter();
    pushInter();
    pushInter();
    expect(slow.sink.writes).toHaveLength(2);
    slow.sink.drain();
    clock.advance(250);
    expect(slow.text()).toBe('<av>H@40 H@40 K2 v3 v4 v5');
    expect(slow.subscription.droppedFrames).toBe(0);
  });

  it('catches up in one visit also when its sink takes every write only later', () => {
    pushHeaders();
    pushKeyframe();
    const slow = watch({ backlog });
    slow.sink.isBlocked = true;
    for (let count = 0; count < 50; count++) pushInter();
    slow.sink.drain();
    slow.sink.isBlocked = true;
    clock.advance(250);
    expect(slow.text()).toMatch(/v51 v52$/);
  });

  it('jumps to a keyframe that it has not seen when it lies too far behind, counting what it missed', () => {
    pushHeaders();
    pushKeyframe();
    const slow = watch({ backlog });
    slow.sink.isBlocked = true;
    pushInter();
    for (let second = 0; second < 4; second++) {
      clock.advance(1_000);
      pushInter();
    }
    slow.sink.drain();
    pushInter();
    expect(slow.text()).toBe('<av>H@40 H@40 K2 v3');
    pushKeyframe();
    expect(slow.text()).toBe('<av>H@40 H@40 K2 v3 H@180 H@180 K9');
    expect(slow.subscription.droppedFrames).toBe(5);
  });

  it('is ended when it takes nothing for the hard limit, and nobody else notices', () => {
    pushHeaders();
    pushKeyframe();
    const good = watch({ backlog });
    const slow = watch({ backlog });
    slow.sink.isBlocked = true;
    pushInter();
    clock.advance(9_000);
    expect(slow.ends).toEqual([]);
    clock.advance(2_000);
    expect(slow.ends).toEqual(['slow_viewer']);
    pushInter();
    expect(good.ends).toEqual([]);
    expect(good.text()).toMatch(/v3 v4$/);
  });

  it('is not blamed for a stall of this process', () => {
    pushHeaders();
    pushKeyframe();
    const viewer = watch({ backlog });
    viewer.sink.isBlocked = true;
    pushInter();
    clock.stall(20_000);
    pushInter();
    expect(viewer.ends).toEqual([]);
  });

  it('costs no more than one write beyond the soft limit, whatever the stream sends', () => {
    pushHeaders();
    pushKeyframe();
    const slow = watch({ backlog });
    slow.sink.isBlocked = true;
    const before = slow.subscription.bytesWritten;
    for (let count = 0; count < 1_000; count++) pushInter(1_000);
    expect(slow.subscription.bytesWritten - before).toBeLessThan(20);
  });
});

describe('ending', () => {
  it('delivers what is pending, then tells every viewer once', () => {
    open(mergeFrom(0));
    pushHeaders();
    pushKeyframe();
    const viewer = watch();
    pushInter();
    stream.close('unpublished');
    stream.close('shutdown');
    expect(viewer.text()).toMatch(/v3$/);
    expect(viewer.ends).toEqual(['unpublished']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('writes what is owed also to a viewer that is a little behind', () => {
    pushHeaders();
    pushKeyframe();
    const viewer = watch();
    viewer.sink.isBlocked = true;
    pushInter();
    pushInter();
    stream.close('unpublished');
    expect(viewer.text()).toMatch(/K2 v3 v4$/);
  });

  it('tells a detached viewer nothing and writes it nothing', () => {
    pushHeaders();
    pushKeyframe();
    const viewer = watch();
    viewer.subscription.detach();
    viewer.subscription.detach();
    pushInter();
    stream.close('unpublished');
    expect(viewer.sink.writes).toHaveLength(1);
    expect(viewer.ends).toEqual([]);
  });

  it('tells nothing to a viewer that another one, told before it, has detached', () => {
    const second: { viewer?: Watcher } = {};
    const first = watch({ ended: () => second.viewer?.subscription.detach() });
    second.viewer = watch();
    stream.close('unpublished');
    expect(first.subscription.state).toBe('detached');
    expect(second.viewer.ends).toEqual([]);
  });

  it('answers who attaches afterwards at once', () => {
    stream.close('unpublished');
    expect(watch().ends).toEqual(['unpublished']);
  });

  it('leaves nothing running when the last viewer goes', () => {
    open(mergeFrom(0));
    pushHeaders();
    pushKeyframe();
    const viewer = watch();
    pushInter();
    viewer.subscription.detach();
    expect(clock.pendingTimers).toBe(1);
    expect(stream.viewers).toBe(0);
  });
});
