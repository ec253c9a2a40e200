import { type LogFields, silentLogger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisOutage } from './redis-outage.ts';

let clock: ManualClock;
let outage: RedisOutage;
let said: string[];
let fields: LogFields[];

beforeEach(() => {
  clock = new ManualClock();
  said = [];
  fields = [];
  const log = (given: LogFields, message: string): void => {
    said.push(message);
    fields.push(given);
  };
  outage = new RedisOutage({ clock, logger: { ...silentLogger, info: log, warn: log } });
});

const away = 'redis cannot be used';
const back = 'redis can be used again';

describe('an outage', () => {
  it('is one line however much fails, and one when it is over', () => {
    for (let tries = 0; tries < 100; tries++) {
      outage.failed('commands', new Error('LOADING Redis is loading the dataset in memory'));
      outage.failed('events', new Error('connection was closed'));
      clock.advance(50);
    }
    outage.succeeded('events');
    expect(said).toEqual([away]);
    outage.succeeded('commands');
    outage.succeeded('commands');
    expect(said).toEqual([away, back]);
    expect(fields[1]).toEqual({ awayMs: 5_000 });
  });

  it('is said again every 10 s while it lasts, with the number of failures in between', () => {
    for (let tries = 0; tries < 21; tries++) {
      outage.failed('commands', new Error('BUSY Redis is busy running a script.'));
      clock.advance(1_000);
    }
    expect(said).toEqual([away, away, away]);
    expect(fields[1]).toMatchObject({ awayMs: 10_000, heldBack: 9 });
  });

  it('that is over before anybody knows why is not worth a line', () => {
    outage.failed('commands', new Error('connection was closed'));
    clock.advance(900);
    outage.succeeded('commands');
    clock.advance(10_000);
    expect(said).toEqual([]);
  });

  it('of which nobody knows why is said after a second with what was heard', () => {
    outage.failed('commands', new Error('connection was\nclosed'));
    clock.advance(1_000);
    expect([said, fields[0]?.['problem']]).toEqual([[away], 'connection was closed']);
  });

  it.each([
    ['READONLY You cannot write against a read only replica. script: 1', 'this Redis is a replica'],
    ['ERR Error running script: -READONLY You cannot write', 'this Redis is a replica'],
    ['MOVED 1234 127.0.0.1:7001', 'registry.redis.nodes'],
    ['LOADING Redis is loading the dataset in memory', 'reading its data'],
    ['BUSY Redis is busy running a script.', 'SCRIPT KILL'],
    ['NOAUTH Authentication required.', 'registry.redis.password'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'refuses the user name or password'],
    ['NOPERM this user has no permissions', 'docs/redis-keys.md'],
    ['no connection within 2000 ms', 'does not answer'],
    ['connect ECONNREFUSED 127.0.0.1:1', 'nothing listens'],
  ])('that Redis explains as %j says what to do: %s', (heard, problem) => {
    outage.failed('commands', new Error('the registry does not answer', { cause: new Error(heard) }));
    expect(fields[0]?.['problem']).toContain(problem);
    expect(fields[0]?.['said']).toBe(heard);
  });
});
