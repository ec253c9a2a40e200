import { AppError, parseStreamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { PublishTurns, type PublishTurn } from './publish-turns.ts';
import { TestPublisher } from './testing/index.ts';

const key = parseStreamKey('live/cam1');
let clock: ManualClock;
let turns: PublishTurns;

beforeEach(() => {
  clock = new ManualClock();
  turns = new PublishTurns(clock);
});

interface Waiting {
  readonly publisher: TestPublisher;
  readonly turn: PublishTurn;
  /** `waiting`, `has it`, or the code of the refusal. */
  state: string;
}

/** An attempt that asks for its turn at once. */
async function attempt(credential?: string): Promise<Waiting> {
  const publisher = new TestPublisher('live/cam1');
  const waiting: Waiting = { publisher, turn: turns.enter(key, publisher), state: 'waiting' };
  turns.take(key, waiting.turn, credential).then(
    () => (waiting.state = 'has it'),
    (error: unknown) => (waiting.state = error instanceof AppError ? error.code : String(error)),
  );
  await settle();
  return waiting;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('an attempt', () => {
  it('has its turn at once where there is no other', async () => {
    expect((await attempt()).state).toBe('has it');
    expect(turns.isTaken(key)).toBe(true);
  });

  it('is refused while another publisher has it', async () => {
    await attempt('a');
    expect((await attempt('b')).state).toBe('already_publishing');
    expect((await attempt()).state).toBe('already_publishing');
  });

  it('is refused without a credential, as nobody can tell it from another publisher', async () => {
    await attempt();
    expect((await attempt()).state).toBe('already_publishing');
  });

  it('waits for one whose publisher has gone away to notice that', async () => {
    const gone = await attempt();
    gone.publisher.isCancelled = true;
    const next = await attempt();
    expect([gone.turn.isWanted, next.state]).toEqual([false, 'waiting']);
    gone.turn.leave();
    await settle();
    expect(next.state).toBe('has it');
  });

  it('takes the place of one with the same credential, gone or not', async () => {
    const first = await attempt('a');
    const second = await attempt('a');
    expect([first.turn.isWanted, second.state]).toEqual([false, 'waiting']);
    first.turn.leave();
    await settle();
    expect(second.state).toBe('has it');
  });

  it('gives way while it waits to a later one of the same party', async () => {
    const [first, second] = [await attempt('a'), await attempt('a')];
    const third = await attempt('a');
    first.turn.leave();
    await settle();
    expect([second.state, second.turn.isWanted]).toEqual(['has it', false]);
    second.turn.leave();
    await settle();
    expect(third.state).toBe('has it');
  });

  it('waits for 3 s at most', async () => {
    await attempt('a');
    const second = await attempt('a');
    clock.advance(2_999);
    await settle();
    expect(second.state).toBe('waiting');
    clock.advance(1);
    await settle();
    expect(second.state).toBe('already_publishing');
  });

  it('is refused where four are there already', async () => {
    for (let count = 0; count < 4; count++) await attempt('a');
    expect(() => turns.enter(key, new TestPublisher('live/cam1'))).toThrow(AppError);
    expect(turns.count(() => true)).toBe(4);
  });

  it('leaves nothing behind', async () => {
    for (const { turn } of [await attempt('a'), await attempt('b')]) turn.leave();
    expect(turns.count(() => true)).toBe(0);
    expect(turns.isTaken(key)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });
});
