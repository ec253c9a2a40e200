import { beforeEach, describe, expect, it } from 'vitest';
import { flvFormat } from './flv-format.ts';
import { LiveStreamRig } from './testing/live-stream-rig.ts';
import { memoryUnder } from './testing/memory-under.ts';

let rig: LiveStreamRig;

beforeEach(() => {
  rig = new LiveStreamRig();
});

describe('a viewer that does not keep up', () => {
  const backlog = { softBytes: 10_000, softMs: 2_000, hardBytes: 80_000, hardMs: 10_000 };

  it('is written nothing more while it has something pending, and catches up when it reads', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const slow = rig.watch({ backlog });
    slow.sink.isBlocked = true;
    rig.pushInter();
    rig.pushInter();
    rig.pushInter();
    expect(slow.sink.writes).toHaveLength(2);
    slow.sink.drain();
    rig.clock.advance(250);
    expect(slow.text()).toBe('<av>H@40 H@40 K2 v3 v4 v5');
    expect(slow.subscription.droppedFrames).toBe(0);
  });

  it('catches up in one visit also when its sink takes every write only later', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const slow = rig.watch({ backlog });
    slow.sink.isBlocked = true;
    for (let count = 0; count < 50; count++) rig.pushInter();
    slow.sink.drain();
    slow.sink.isBlocked = true;
    rig.clock.advance(250);
    expect(slow.text()).toMatch(/v51 v52$/);
  });

  it('jumps to a keyframe that it has not seen when it lies too far behind, counting what it missed', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const slow = rig.watch({ backlog });
    slow.sink.isBlocked = true;
    rig.pushInter();
    for (let second = 0; second < 4; second++) {
      rig.clock.advance(1_000);
      rig.pushInter();
    }
    slow.sink.drain();
    rig.pushInter();
    expect(slow.text()).toBe('<av>H@40 H@40 K2 v3');
    rig.pushKeyframe();
    expect(slow.text()).toBe('<av>H@40 H@40 K2 v3 H@180 H@180 K9');
    expect(slow.subscription.droppedFrames).toBe(5);
  });

  it('is ended when it takes nothing for the hard limit, and nobody else notices', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const good = rig.watch({ backlog });
    const slow = rig.watch({ backlog });
    slow.sink.isBlocked = true;
    rig.pushInter();
    rig.clock.advance(9_000);
    expect(slow.ends).toEqual([]);
    rig.clock.advance(2_000);
    expect(slow.ends).toEqual(['slow_viewer']);
    rig.pushInter();
    expect(good.ends).toEqual([]);
    expect(good.text()).toMatch(/v3 v4$/);
  });

  it('is not blamed for a stall of this process', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch({ backlog });
    viewer.sink.isBlocked = true;
    rig.pushInter();
    // Seen to be behind once before the stall, so that the stall could count.
    rig.pushInter();
    rig.clock.stall(20_000);
    rig.pushInter();
    expect(viewer.ends).toEqual([]);
  });

  it('costs no more than one write beyond the soft limit, whatever the stream sends', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const slow = rig.watch({ backlog });
    slow.sink.isBlocked = true;
    const before = slow.subscription.bytesWritten;
    for (let count = 0; count < 1_000; count++) rig.pushInter(1_000);
    expect(slow.subscription.bytesWritten - before).toBeLessThan(20);
  });

  it('keeps no byte of the stream twice together with hundreds of others, whenever they stop reading', () => {
    const frameBytes = 10_000;
    rig.pushHeaders();
    rig.pushKeyframe(frameBytes);
    const viewers = Array.from({ length: 400 }, () => rig.watch({ backlog, format: flvFormat }));
    let pushed = 0;
    const push = (): void => {
      rig.pushInter(frameBytes);
      rig.clock.advance(20);
      pushed++;
    };
    // Four stop at each frame.
    for (const [index, { sink }] of viewers.entries()) {
      if (index % 4 === 0) push();
      sink.isBlocked = true;
      sink.writes.length = 0;
    }
    for (let count = 0; count < 50; count++) push();
    const pending = viewers.flatMap(({ sink }) => sink.writes);
    expect(pending.length).toBeGreaterThan(390);
    expect(memoryUnder(pending)).toBeLessThan(pushed * frameBytes * 1.01);
    // Those that come later and never read share what they begin with.
    const late = Array.from({ length: 100 }, () => rig.watch({ backlog, format: flvFormat }));
    const [burst = Buffer.alloc(0)] = late[0]?.sink.writes ?? [];
    expect(burst.length).toBeGreaterThan(pushed * frameBytes);
    expect(memoryUnder(late.flatMap(({ sink }) => sink.writes))).toBe(burst.buffer.byteLength);
  });
});
