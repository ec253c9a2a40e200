import {
  parseStreamKey,
  pullJob,
  silentLogger,
  silentMetrics,
  type AppError,
  type CloseReason,
  type PullJob,
} from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { FrameKind } from '@headwater/media';
import type { PublishControl } from '@headwater/rtmp';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PublishAttempt, PublishContext } from '../publish-attempt.ts';
import { PullBackoff, pullBackoffTimes } from './pull-backoff.ts';
import { PullRun, pullRunTimes } from './pull-run.ts';
import type { PullSourceDelegate } from './pull-source.ts';

const job: PullJob = pullJob('rtsp://joe:secret@camera.example/1', parseStreamKey('live/cam1'));
const keyframe = Buffer.from([0x17, 1, 0, 0, 0, 1]);

/** The node's side: takes what it is offered when the test says so. */
class Desk {
  readonly attempts: { readonly attempt: PublishAttempt; readonly context: PublishContext }[] = [];
  readonly got: [FrameKind, number][] = [];
  readonly ended: CloseReason[] = [];
  control: PublishControl | undefined;

  async publish(attempt: PublishAttempt, context: PublishContext): Promise<void> {
    this.attempts.push({ attempt, context });
  }

  accept(): void {
    this.control = this.attempts.at(-1)?.attempt.accept({
      media: (kind, timestampMs) => this.got.push([kind, timestampMs]),
      ended: (reason) => this.ended.push(reason),
    });
  }

  refuse(error: AppError): void {
    this.attempts.at(-1)?.attempt.refuse(error);
  }
}

let clock: ManualClock;
let desk: Desk;
let sources: { readonly delegate: PullSourceDelegate; isClosed: boolean }[];
let run: PullRun;

function source(): PullSourceDelegate {
  const last = sources.at(-1);
  if (last === undefined) throw new Error('no source was opened');
  return last.delegate;
}

beforeEach(() => {
  clock = new ManualClock();
  desk = new Desk();
  sources = [];
  const counter = silentMetrics.counter({ name: 'x', help: 'x' });
  run = new PullRun({
    job,
    origin: desk,
    clock,
    logger: silentLogger,
    counters: { attempts: counter, bytes: counter, dropped: counter },
    backoff: new PullBackoff(pullBackoffTimes, () => 0.5),
    times: pullRunTimes,
    open: (_url, delegate) => {
      const opened = { delegate, isClosed: false };
      sources.push(opened);
      return { close: () => (opened.isClosed = true) };
    },
    changed: () => undefined,
  });
  run.start();
});

function getsRunning(): void {
  source().started();
  desk.accept();
  source().media('video', 0, keyframe);
}

describe('a run', () => {
  it('offers its stream once the source plays, as the same party on every node, and asks no access policy', () => {
    expect(desk.attempts).toHaveLength(0);
    source().started();
    const { attempt, context } = desk.attempts[0]!;
    expect([attempt.app, attempt.name]).toEqual(['live', 'cam1']);
    expect(context).toMatchObject({ protocol: 'rtsp', remoteAddress: 'camera.example' });
    expect(context.ownCredential).toMatch(/^pull:[0-9a-f]{64}$/);
    expect(context.ownCredential).not.toContain('secret');
  });

  it('keeps what comes before the node has decided, from the last keyframe on', () => {
    source().started();
    source().media('video', 0, keyframe);
    source().media('video', 40, keyframe);
    source().media('video', 80, Buffer.from([0x27, 1, 0, 0, 0]));
    expect(run.state.state).toBe('starting');
    desk.accept();
    expect(desk.got).toEqual([
      ['video', 40],
      ['video', 80],
    ]);
    expect(run.state).toEqual({ state: 'running', attempts: 1, sinceMs: 0 });
  });

  it('ends an attempt whose source does not begin to send within 10 s', () => {
    clock.advance(9_999);
    expect(run.state.state).toBe('starting');
    clock.advance(1);
    expect(run.state).toMatchObject({ state: 'retrying', attempts: 1 });
    expect(run.state.lastError).toContain('did not begin to send within 10 s');
    expect(sources[0]?.isClosed).toBe(true);
  });

  it('ends an attempt whose source sends nothing for 10 s, and holds the stream', () => {
    getsRunning();
    clock.advance(9_000);
    source().media('video', 40, keyframe);
    clock.advance(9_999);
    expect(run.state.state).toBe('running');
    clock.advance(1);
    expect(run.state.lastError).toContain('sent nothing for 10 s');
    expect(desk.ended).toEqual(['publisher_lost']);
  });

  it('waits 1 s, then twice as long each time up to 30 s, and forgets that after a minute of running', () => {
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 7; attempt++) {
      const beganMs = clock.nowMs();
      source().closed({ outcome: 'unreachable', why: 'nobody there' });
      while (run.state.attempts === attempt) clock.advance(500);
      waits.push(clock.nowMs() - beganMs);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    getsRunning();
    for (let passed = 0; passed < 60; passed++) {
      clock.advance(1_000);
      source().media('video', passed, keyframe);
    }
    source().closed({ outcome: 'ended', why: 'over' });
    clock.advance(1_000);
    expect(run.state.attempts).toBe(9);
  });

  it('says why the node refused it, closes the source and tries again', () => {
    source().started();
    desk.refuse(Object.assign(new Error('stream is already being published')) as AppError);
    expect(run.state).toMatchObject({ state: 'retrying', lastError: 'stream is already being published' });
    expect(sources[0]?.isClosed).toBe(true);
    clock.advance(1_000);
    expect(sources).toHaveLength(2);
  });

  it('stops sending when another publisher takes its stream over, and asks for it again after 10 s', () => {
    getsRunning();
    desk.control?.close('replaced');
    expect(desk.ended).toEqual(['replaced']);
    expect(run.state.lastError).toContain('another publisher');
    clock.advance(9_999);
    expect(sources).toHaveLength(1);
    clock.advance(1);
    expect(sources).toHaveLength(2);
  });

  it('hears nothing of what an attempt that is over still says', () => {
    const old = source();
    old.closed({ outcome: 'ended', why: 'first' });
    old.closed({ outcome: 'ended', why: 'second' });
    old.started();
    old.media('video', 0, keyframe);
    expect(desk.attempts).toHaveLength(0);
    expect(run.state).toMatchObject({ state: 'retrying', lastError: 'first' });
  });

  it('shows no secret of its source in what it says', () => {
    source().closed({ outcome: 'refused', why: 'no: joe:secret\r\nis wrong' });
    expect(run.state.lastError).toBe('no: joe:*** is wrong');
  });

  it.each(['starting', 'running', 'retrying'] as const)(
    'stops for good while it is %s, and leaves no timer',
    (state) => {
      if (state === 'running') getsRunning();
      if (state === 'retrying') source().closed({ outcome: 'ended', why: 'over' });
      expect(run.state.state).toBe(state);
      run.stop();
      run.stop();
      expect(run.state.state).toBe('stopped');
      expect(desk.ended).toEqual(state === 'running' ? ['client_closed'] : []);
      expect(sources.every(({ isClosed }) => isClosed)).toBe(true);
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it('takes back an offer that is being decided about when it is stopped', () => {
    source().started();
    run.stop();
    expect(desk.attempts[0]?.attempt.isCancelled).toBe(true);
    desk.accept();
    expect(desk.ended).toEqual(['client_closed']);
  });
});
