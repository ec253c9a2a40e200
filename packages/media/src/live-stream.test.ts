import { beforeEach, describe, expect, it } from 'vitest';
import { LiveStreamRig, mergeFrom, type Watcher } from './testing/live-stream-rig.ts';

let rig: LiveStreamRig;

beforeEach(() => {
  rig = new LiveStreamRig();
});

describe('joining', () => {
  it('starts with headers at the keyframe time and the GOP so far, in one write', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.pushAudio();
    rig.pushInter();
    const viewer = rig.watch();
    expect(viewer.sink.writes).toHaveLength(1);
    expect(viewer.text()).toBe('<av>H@40 H@40 K2 a3 v4');
  });

  it('goes on with every later frame exactly once', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.pushAudio();
    const viewer = rig.watch();
    rig.pushInter();
    rig.pushAudio();
    rig.pushInter();
    expect(viewer.text()).toBe('<av>H@40 H@40 K2 a3 v4 a5 v6');
  });

  it('waits for the first keyframe when there is none yet, and never starts in the middle of a GOP', () => {
    const viewer = rig.watch();
    rig.pushHeaders();
    rig.pushInter();
    rig.pushAudio();
    expect(viewer.text()).toBe('');
    rig.pushKeyframe();
    expect(viewer.text()).toBe('<av>H@80 H@80 K4');
  });

  it('gives all who join within one window the same buffers', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const [first, second] = [rig.watch(), rig.watch()];
    expect(second.sink.writes[0]).toBe(first.sink.writes[0]);
    rig.pushInter();
    expect(second.sink.writes[1]).toBe(first.sink.writes[1]);
    expect(rig.watch().text()).toBe('<av>H@40 H@40 K2 v3');
  });

  it('sends the others nothing ahead of their time when there is nothing to start from', () => {
    rig = new LiveStreamRig(mergeFrom(2), { maxFrames: 3 });
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = [rig.watch(), rig.watch()];
    for (let count = 0; count < 3; count++) rig.pushInter();
    const before = viewers.map(({ sink }) => sink.writes.length);
    for (let count = 0; count < 3; count++) viewers.push(rig.watch());
    expect(viewers.map(({ sink }) => sink.writes.length)).toEqual([...before, 0, 0, 0]);
  });

  it('starts at once also when its keyframe is still pending and many others are due before', () => {
    rig = new LiveStreamRig(mergeFrom(300));
    rig.pushHeaders();
    rig.pushKeyframe();
    for (let count = 0; count < 600; count++) rig.watch();
    rig.pushKeyframe();
    expect(rig.watch().text()).toBe('<av>H@60 H@60 K3');
  });

  it('starts at the next keyframe when that is asked for', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch({ from: 'next-keyframe' });
    rig.pushInter();
    expect(viewer.text()).toBe('');
    rig.pushKeyframe();
    expect(viewer.text()).toBe('<av>H@80 H@80 K4');
  });

  it('does not start with a GOP that was made for other headers', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.pushOtherVideoHeader();
    const viewer = rig.watch();
    expect(viewer.text()).toBe('');
    rig.pushKeyframe();
    expect(viewer.text()).toBe('<av>H@80 H@80 K4');
  });

  it('starts audio-only streams without any keyframe, once it is clear that no video comes', () => {
    rig.pushAudioHeader();
    const viewer = rig.watch();
    rig.pushAudio();
    expect(viewer.text()).toBe('');
    for (let count = 0; count < 40; count++) rig.pushAudio();
    expect(viewer.text()).toMatch(/^<a>H@20 (a\d+ )+a41$/);
  });
});

describe('resuming', () => {
  it('goes on after the given frame with nothing lost and nothing twice', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.pushAudio();
    rig.pushInter();
    const viewer = rig.watch({ from: { afterSequence: 2 } });
    rig.pushInter();
    expect(viewer.text()).toBe('a3 v4 v5');
  });

  it('goes on while a window is open without repeating what is pending', () => {
    rig = new LiveStreamRig(mergeFrom(0));
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.watch();
    rig.pushInter();
    const viewer = rig.watch({ from: { afterSequence: 2 } });
    rig.clock.advance(200);
    expect(viewer.text()).toBe('v3');
  });

  it('is not sent again what it has and others are still to get', () => {
    rig = new LiveStreamRig(mergeFrom(0));
    rig.pushHeaders();
    rig.pushKeyframe();
    rig.watch();
    for (let count = 0; count < 3; count++) rig.pushInter();
    const viewer = rig.watch({ from: { afterSequence: 5 } });
    rig.pushInter();
    rig.clock.advance(200);
    expect(viewer.text()).toBe('v6');
  });

  it('starts at the keyframe when the frames after it are gone', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    expect(rig.stream.canResumeAfter(-5)).toBe(false);
    expect(rig.watch({ from: { afterSequence: -5 } }).text()).toBe('<av>H@40 H@40 K2');
  });
});

describe('flushing', () => {
  it('sends audio along with the next video frame', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    rig.pushAudio();
    expect(viewer.sink.writes).toHaveLength(1);
    rig.pushInter();
    expect(viewer.sink.writes).toHaveLength(2);
    expect(viewer.sink.writes[1]?.toString()).toBe('a3 v4 ');
  });

  it('does not keep audio back for long when video stays away', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    rig.pushAudio();
    rig.clock.advance(250);
    expect(viewer.text()).toMatch(/a3$/);
  });

  it('gathers as many frames as fit into the window from the configured audience on, and flushes with the last of them', () => {
    rig = new LiveStreamRig(mergeFrom(2));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = [rig.watch(), rig.watch()];
    // Frames are 20 ms apart, which shows with the second.
    for (let count = 0; count < 13; count++) rig.pushInter();
    expect(viewers.map(({ sink }) => sink.writes.slice(1).map(String))).toEqual(
      viewers.map(() => ['v3 ', 'v4 v5 v6 v7 v8 ', 'v9 v10 v11 v12 v13 ']),
    );
  });

  it('does not wait for a frame that stays away longer than the window', () => {
    rig = new LiveStreamRig(mergeFrom(2));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = [rig.watch(), rig.watch()];
    for (let count = 0; count < 3; count++) rig.pushInter();
    rig.clock.advance(99);
    expect(viewers[0]?.sink.writes).toHaveLength(2);
    rig.clock.advance(1);
    expect(viewers.map(({ sink }) => sink.writes[2]?.toString())).toEqual(['v4 v5 ', 'v4 v5 ']);
  });

  it('never writes for audio alone while there is video, however short the window', () => {
    const steps = [{ viewers: 0, windowMs: 20 }];
    rig = new LiveStreamRig({ low: steps, normal: steps });
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    for (let count = 0; count < 5; count++) {
      rig.clock.advance(21);
      rig.pushAudio();
      rig.clock.advance(21);
      rig.pushInter();
    }
    expect(viewer.sink.writes.slice(1).map(String)).toEqual([
      'a3 v4 ',
      'a5 v6 ',
      'a7 v8 ',
      'a9 v10 ',
      'a11 v12 ',
    ]);
  });

  it('writes a thousand viewers in groups that take turns frame by frame, each once in a window', () => {
    rig = new LiveStreamRig(mergeFrom(300));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = Array.from({ length: 1000 }, () => rig.watch());
    const written = (): number => viewers.reduce((sum, { sink }) => sum + sink.writes.length, 0);
    rig.pushInter();
    rig.pushInter();
    rig.clock.advance(50);
    const steps = Array.from({ length: 5 }, () => {
      const before = written();
      rig.pushInter();
      return written() - before;
    });
    expect(steps.toSorted((left, right) => left - right)).toEqual([0, 250, 250, 250, 250]);
    rig.stream.close('unpublished');
    for (const { sink } of viewers) {
      expect(Buffer.concat(sink.writes).toString()).toBe('<av>H@40 H@40 K2 v3 v4 v5 v6 v7 v8 v9 ');
    }
  });

  it('writes groups that are due at the same frame one after the other, and all of them the same buffer', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = Array.from({ length: 1000 }, () => rig.watch());
    const reached = (): number => viewers.filter(({ sink }) => sink.writes.length === 2).length;
    rig.pushInter();
    rig.pushAudio();
    const steps = [reached()];
    for (let step = 0; step < 3; step++) {
      rig.clock.advance(1);
      steps.push(reached());
    }
    expect(steps).toEqual([250, 500, 750, 1000]);
    expect(new Set(viewers.map(({ sink }) => sink.writes[1])).size).toBe(1);
  });

  it('fills the room that viewers leave', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = Array.from({ length: 1000 }, () => rig.watch());
    for (const { subscription } of viewers.slice(0, 900)) subscription.detach();
    rig.clock.advance(250);
    viewers.push(...Array.from({ length: 300 }, () => rig.watch()));
    rig.pushInter();
    // A hundred that stayed and one hundred and fifty that joined are one group, the rest another.
    const reached = (): number => viewers.filter(({ sink }) => sink.writes.length === 2).length;
    expect(reached()).toBe(250);
    rig.clock.advance(1);
    expect(reached()).toBe(400);
  });
});

describe('ending', () => {
  it('delivers what is pending, then tells every viewer once', () => {
    rig = new LiveStreamRig(mergeFrom(0));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    rig.pushInter();
    rig.stream.close('unpublished');
    rig.stream.close('shutdown');
    expect(viewer.text()).toMatch(/v3$/);
    expect(viewer.ends).toEqual(['unpublished']);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('writes what is owed also to a viewer that is a little behind', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    viewer.sink.isBlocked = true;
    rig.pushInter();
    rig.pushInter();
    rig.stream.close('unpublished');
    expect(viewer.text()).toMatch(/K2 v3 v4$/);
  });

  it('tells a detached viewer nothing and writes it nothing', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    viewer.subscription.detach();
    viewer.subscription.detach();
    rig.pushInter();
    rig.stream.close('unpublished');
    expect(viewer.sink.writes).toHaveLength(1);
    expect(viewer.ends).toEqual([]);
  });

  it('tells nothing to a viewer that another one, told before it, has detached', () => {
    const second: { viewer?: Watcher } = {};
    const first = rig.watch({ ended: () => second.viewer?.subscription.detach() });
    second.viewer = rig.watch();
    rig.stream.close('unpublished');
    expect(first.subscription.state).toBe('detached');
    expect(second.viewer.ends).toEqual([]);
  });

  it('answers who attaches afterwards at once', () => {
    rig.stream.close('unpublished');
    expect(rig.watch().ends).toEqual(['unpublished']);
  });

  it('leaves nothing running when the last viewer goes', () => {
    rig = new LiveStreamRig(mergeFrom(0));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewer = rig.watch();
    rig.pushInter();
    viewer.subscription.detach();
    expect(rig.clock.pendingTimers).toBe(1);
    expect(rig.stream.viewers).toBe(0);
  });

  it('leaves nothing running when its last viewer is ended by a frame', () => {
    rig.pushHeaders();
    rig.pushKeyframe();
    const backlog = { softBytes: 10_000, softMs: 50, hardBytes: 80_000, hardMs: 100 };
    const viewer = rig.watch({ backlog });
    viewer.sink.isBlocked = true;
    for (let count = 0; count < 6; count++) {
      rig.clock.advance(30);
      rig.pushInter();
    }
    expect(viewer.ends).toEqual(['slow_viewer']);
    expect(rig.clock.pendingTimers).toBe(1);
  });
});
