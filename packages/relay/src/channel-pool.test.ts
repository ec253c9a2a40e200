import { ManualClock } from '@headwater/contracts/testing';
import { expect, it } from 'vitest';
import { callsPerChannel, ChannelPool } from './channel-pool.ts';
import { defaultRelayKeepalive } from './relay-keepalive.ts';

const idleMs = 10_000;

function openPool(): { readonly pool: ChannelPool; readonly clock: ManualClock } {
  const clock = new ManualClock();
  const keepalive = defaultRelayKeepalive;
  return {
    clock,
    pool: new ChannelPool({ clock, keepalive, maxMessageBytes: 1024, windowBytes: 65_536, idleMs }),
  };
}

it('a channel is shared by the calls to its address, and closed when it was idle for long enough', () => {
  const { pool, clock } = openPool();
  const [first, second] = [pool.acquire('127.0.0.1:1'), pool.acquire('127.0.0.1:1')];
  expect(second.client).toBe(first.client);
  first.release(false);
  first.release(false);
  clock.advance(idleMs);
  expect(pool.size).toBe(1);
  second.release(false);
  clock.advance(idleMs - 1);
  expect(pool.size).toBe(1);
  clock.advance(1);
  expect(pool.size).toBe(0);
});

it('a broken channel is kept for the calls that have it, and no other call gets it', () => {
  const { pool, clock } = openPool();
  const [first, second] = [pool.acquire('127.0.0.1:1'), pool.acquire('127.0.0.1:1')];
  first.release(true);
  const third = pool.acquire('127.0.0.1:1');
  expect(third.client).not.toBe(second.client);
  expect(pool.size).toBe(2);
  second.release(true);
  expect(pool.size).toBe(1);
  third.release(true);
  expect(pool.size).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

it('a call that ends after the pool was closed sets no timer', () => {
  const { pool, clock } = openPool();
  const lease = pool.acquire('127.0.0.1:1');
  pool.close();
  lease.release(false);
  expect(pool.size).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

it('a full channel takes no more calls, and goes when those that it has are over', () => {
  const { pool } = openPool();
  const leases = Array.from({ length: callsPerChannel + 1 }, () => pool.acquire('127.0.0.1:1'));
  expect(new Set(leases.map(({ client }) => client)).size).toBe(2);
  expect(pool.size).toBe(2);
  for (const lease of leases.slice(0, callsPerChannel)) lease.release(false);
  expect(pool.size).toBe(1);
  pool.close();
});
