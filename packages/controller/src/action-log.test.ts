import { streamKey, type Logger } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, expect, it } from 'vitest';
import { ActionLog } from './action-log.ts';
import type { FailoverAction } from './plan.ts';

const about = { token: 7 };
let clock: ManualClock;
let log: ActionLog;
let said: { level: string; message: string; fields: object }[];

beforeEach(() => {
  clock = new ManualClock();
  said = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void said.push({ level, message, fields });
  const logger: Logger = {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    child: () => logger,
  };
  log = new ActionLog(clock, logger);
});

const told = (): { level: string; message: string; fields: object }[] =>
  said.filter(({ level }) => level !== 'debug');

const endOf = (index: number): FailoverAction => {
  return { type: 'end_orphan', stream: streamKey('live', `s${String(index)}`), epoch: 1 };
};
const standby: FailoverAction = {
  ...{ type: 'set_standby', stream: streamKey('live', 'a'), epoch: 1 },
  standby: undefined,
};

it('sums up what was done about thousands of streams in one line, and tells of each at debug', () => {
  for (let index = 0; index < 3_000; index++) log.add(endOf(index), 'applied', about);
  log.add(standby, 'applied', about);
  clock.advance(1_000);
  expect(told()).toEqual([
    { level: 'info', message: 'failover actions', fields: { steps: { 'end_orphan applied': 3_000 } } },
  ]);
  expect(said.filter(({ level }) => level === 'debug')).toHaveLength(3_001);
});

it('says at most one such line a second while there is more, and warns of what went wrong with its first reason', () => {
  const err = new Error('no answer');
  for (let step = 0; step < 40; step++) {
    log.add(endOf(step), 'applied', about);
    if (step === 25) log.add(standby, 'failed', { token: 7, err });
    if (step === 26) log.add(standby, 'failed', { token: 7, err: new Error('another') });
    clock.advance(100);
  }
  const lines = told();
  expect(lines.length).toBeGreaterThanOrEqual(4);
  expect(lines.length).toBeLessThanOrEqual(5);
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { fields: { steps: { 'set_standby failed': 2 }, err } },
  ]);
});

it('tells of a dead node at once, and of the rest when it is closed, which leaves no timer', () => {
  const node = { nodeId: 'o1', incarnation: 'run 1' };
  log.add({ type: 'expel_node', node, silentMs: 1_000 }, 'applied', about);
  expect(told()).toMatchObject([{ level: 'info', message: 'failover action', fields: { node, ...about } }]);
  log.add(standby, 'conflict', about);
  log.close();
  log.close();
  expect(told().slice(1)).toMatchObject([
    { level: 'warn', fields: { steps: { 'set_standby conflict': 1 } } },
  ]);
  expect(clock.pendingTimers).toBe(0);
});
