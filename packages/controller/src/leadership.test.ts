import { MemoryLeaderLease, type LeaderLease } from '@headwater/cluster';
import { AppError, silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Leadership } from './leadership.ts';
import type { LeadershipState } from './leadership-state.ts';

const leaseMs = 4_000;
let clock: ManualClock;
let memory: MemoryLeaderLease;
let condition: 'up' | 'down' | 'mute';
let changes: string[];

beforeEach(() => {
  clock = new ManualClock();
  memory = new MemoryLeaderLease({ clock, leaseMs });
  condition = 'up';
  changes = [];
});

/** The lease behind a connection that tests can break: `mute` applies a call and loses the answer. */
const lease: LeaderLease = {
  leaseMs,
  claim: async (holder) => answer(memory.claim(holder)),
  renew: async (holder, token) => answer(memory.renew(holder, token)),
  release: async (holder, token) => answer(memory.release(holder, token)),
  current: async () => memory.current(),
  close: async () => memory.close(),
};

async function answer<T>(call: Promise<T>): Promise<T> {
  if (condition === 'down') throw new AppError('registry_unavailable');
  return condition === 'mute' ? await new Promise<T>(() => undefined) : await call;
}

function make(holder: string): Leadership {
  const onChange = (state: LeadershipState): void => void changes.push(`${holder} ${state}`);
  return new Leadership({ lease, holder, clock, logger: silentLogger, onChange });
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    clock.advance(Math.min(100, left));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

describe('leadership', () => {
  it('goes to one, and to the other at once when that one stops', async () => {
    const a = make('a');
    const b = make('b');
    a.start();
    b.start();
    await pass(20_000);
    expect([a.state, b.state]).toEqual(['leading', 'following']);
    const token = a.token ?? 0;
    expect(b.token).toBeUndefined();
    await a.stop();
    await a.stop();
    await pass(1_000);
    expect([a.state, b.state]).toEqual(['stopped', 'leading']);
    expect(b.token).toBeGreaterThan(token);
    await b.stop();
    expect(clock.pendingTimers).toBe(0);
    expect(changes).toEqual([
      'a following',
      'b following',
      'a leading',
      'a stopped',
      'b leading',
      'b stopped',
    ]);
  });

  it('is not acted on while a renewal is unanswered, and goes on when the next one is', async () => {
    const a = make('a');
    a.start();
    await pass(500);
    const { token } = a;
    condition = 'down';
    await pass(1_000);
    expect([a.state, a.token]).toEqual(['doubtful', undefined]);
    condition = 'up';
    await pass(1_000);
    expect([a.state, a.token]).toEqual(['leading', token]);
    await a.stop();
  });

  it('ends by the own clock before the lease does, when no renewal is answered', async () => {
    const a = make('a');
    a.start();
    await pass(1_000);
    condition = 'mute';
    await pass(2_900);
    expect(a.state).toBe('doubtful');
    await pass(100);
    expect(a.state).toBe('following');
    const stopped = a.stop();
    await pass(2_000);
    await stopped;
  });

  it('ends at the first look when the process stood still for the length of it', async () => {
    const a = make('a');
    a.start();
    await pass(200);
    expect(a.state).toBe('leading');
    // Timers are late, the clock is not: `advance` would run them on the way.
    const stopped = clock.nowMs();
    clock.nowMs = () => stopped + 3_000;
    expect(a.token).toBeUndefined();
    expect(a.state).toBe('following');
    await a.stop();
  });

  it('ends when a write was fenced, and not by a write of an earlier leadership', async () => {
    const a = make('a');
    a.start();
    await pass(200);
    const token = a.token ?? 0;
    a.fenced(token - 1);
    expect(a.state).toBe('leading');
    a.fenced(token);
    expect(a.state).toBe('following');
    await pass(1_000);
    expect(a.token).toBeGreaterThan(token);
    await a.stop();
  });

  it('is claimed anew with a higher token when the answer to the claim was lost', async () => {
    condition = 'mute';
    const a = make('a');
    a.start();
    void memory.claim('a');
    await pass(1_500);
    condition = 'up';
    await pass(1_000);
    expect(a.state).toBe('leading');
    expect(await memory.current()).toEqual({ holder: 'a', token: a.token });
    await a.stop();
    expect(await memory.current()).toBeUndefined();
  });

  it('stops in bounded time when the lease does not answer', async () => {
    const a = make('a');
    a.start();
    await pass(200);
    condition = 'mute';
    let isStopped = false;
    void a.stop().then(() => (isStopped = true));
    await pass(1_100);
    expect(isStopped).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is not taken by a controller that stopped while its claim was under way', async () => {
    const a = make('a');
    a.start();
    await a.stop();
    expect(await memory.current()).toBeUndefined();
    expect(a.state).toBe('stopped');
  });
});
