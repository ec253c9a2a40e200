import { silentLogger, type Logger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { Redis } from 'ioredis';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { linkTransitions, RedisLink, type LinkState } from './redis-link.ts';

/** As much of a connection as a link touches. */
class TestConnection extends EventEmitter {
  status = 'ready';
  isDisconnected = false;

  disconnect(): void {
    this.isDisconnected = true;
  }

  asRedis(): Redis {
    return this as unknown as Redis;
  }
}

let clock: ManualClock;
let logged: string[];
let dials: { accept: (connection: TestConnection) => void; refuse: (error: Error) => void }[];
let link: RedisLink;

beforeEach(() => {
  clock = new ManualClock();
  logged = [];
  dials = [];
  const log = (_fields: unknown, message: string): void => void logged.push(message);
  const logger: Logger = { ...silentLogger, debug: log, info: log, warn: log };
  const dial = () =>
    new Promise<Redis>((resolve, reject) => {
      dials.push({ accept: (connection) => resolve(connection.asRedis()), refuse: reject });
    });
  link = new RedisLink({ clock, logger, dial, maxWaiting: 3 });
});

/** Lets what was settled be noticed. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe('a link to redis', () => {
  it('never leaves closed, and is ready only after dialling', () => {
    const before = (state: LinkState): string[] =>
      Object.entries(linkTransitions).flatMap(([from, to]) => (to.includes(state) ? [from] : []));
    expect(linkTransitions.closed).toEqual([]);
    expect(before('ready')).toEqual(['dialling']);
    expect(before('dialling')).toEqual(['resting']);
  });

  it('hands its connection to all who wait, and refuses more than it may', async () => {
    const waiting = [link.ready(500), link.ready(500), link.ready(500)];
    await expect(link.ready(500)).rejects.toMatchObject({ code: 'registry_unavailable' });
    const connection = new TestConnection();
    dials[0]?.accept(connection);
    expect(await Promise.all(waiting)).toEqual([connection, connection, connection]);
    expect(link.state).toBe('ready');
  });

  it('lets nobody wait longer than asked, and leaves no timer', async () => {
    const waiting = link.ready(500);
    clock.advance(500);
    await expect(waiting).rejects.toMatchObject({ code: 'registry_unavailable' });
    link.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('dials again with longer and longer pauses of at most a second, and says once that it failed', async () => {
    for (let tries = 1; tries <= 20; tries++) {
      expect(dials).toHaveLength(tries);
      dials.at(-1)?.refuse(new Error('refused'));
      await settle();
      expect(link.state).toBe('resting');
      clock.advance(1_000);
    }
    dials.at(-1)?.accept(new TestConnection());
    await settle();
    expect(logged).toEqual(['no connection to redis', 'connected to redis again']);
  });

  it('gives up a connection that ended or was dropped, once', async () => {
    const first = new TestConnection();
    dials[0]?.accept(first);
    await settle();
    first.emit('end');
    link.drop(first.asRedis(), new Error('late'));
    expect([link.state, link.hasFailed, dials.length]).toEqual(['resting', true, 1]);
    clock.advance(1_000);
    const second = new TestConnection();
    dials[1]?.accept(second);
    await settle();
    link.drop(first.asRedis(), new Error('later'));
    expect(link.state).toBe('ready');
    link.dropAny(new Error('now'));
    expect([link.state, second.isDisconnected]).toEqual(['resting', true]);
  });

  it('closes what is dialled while it is closed', async () => {
    const waiting = link.ready(500);
    link.close();
    link.close();
    await expect(waiting).rejects.toMatchObject({ code: 'registry_unavailable' });
    const late = new TestConnection();
    dials[0]?.accept(late);
    await settle();
    expect([late.isDisconnected, link.state, clock.pendingTimers]).toEqual([true, 'closed', 0]);
    await expect(link.ready(500)).rejects.toMatchObject({ code: 'registry_unavailable' });
  });
});
