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
    rig = new LiveStreamRig(mergeFrom(2), { maxFrames: 4 });
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = [rig.watch(), rig.watch()];
    for (let count = 0; count < 4; count++) rig.pushInter();
    for (let count = 0; count < 3; count++) viewers.push(rig.watch());
    expect(viewers.map(({ sink }) => sink.writes.length)).toEqual([1, 1, 0, 0, 0]);
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

  it('merges frames into one write per window from the configured audience on', () => {
    rig = new LiveStreamRig(mergeFrom(2));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = [rig.watch(), rig.watch()];
    rig.pushInter();
    rig.pushInter();
    rig.pushInter();
    expect(viewers[0]?.sink.writes).toHaveLength(1);
    rig.clock.advance(100);
    expect(viewers.map(({ sink }) => sink.writes[1]?.toString())).toEqual(['v3 v4 v5 ', 'v3 v4 v5 ']);
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

  it('reaches every one of a thousand viewers within the window, in slots', () => {
    rig = new LiveStreamRig(mergeFrom(300));
    rig.pushHeaders();
    rig.pushKeyframe();
    const viewers = Array.from({ length: 1000 }, () => rig.watch());
    rig.pushInter();
    rig.clock.advance(100);
    const reached = (): number => viewers.filter(({ sink }) => sink.writes.length === 2).length;
    expect(reached()).toBe(250);
    rig.clock.advance(100);
    expect(reached()).toBe(1000);
    expect(new Set(viewers.map(({ sink }) => sink.writes[1])).size).toBe(1);
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
});
