// A pull within a process may be ended by either side at any moment, also while the other side is at it. Nothing must be left of it.
import { AppError, streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { OpenedInfo } from './pull.ts';
import type { Pull } from './pull-handler.ts';
import { relayFormat } from './relay-format.ts';
import type { PullCall } from './relay-source.ts';
import { RecordingHandler, RelayPair, testFrames, type HandlerEvent } from './testing/index.ts';

const stream = streamKey('live', 'cam1');
const epoch = 1_700_000_000_000;
const frames = relayFormat(epoch).encode(testFrames(0, 3));
const live: OpenedInfo = { epoch, firstSequence: 0, resumed: false, state: 'live' };
const draining = new AppError('draining');

/** What either side does, when. */
interface Story {
  /** The source's answer. */
  readonly answer?: (call: PullCall) => void;
  /** Right after the pull was made. */
  readonly begun?: (pull: Pull) => void;
  /** At the last moment before the source is asked. */
  readonly asked?: (pull: Pull) => void;
  /** While the puller is told of something. */
  readonly heard?: (event: HandlerEvent['type'], pull: Pull, call: PullCall | undefined) => void;
  /** When all has been said. */
  readonly later?: (pull: Pull, call: PullCall | undefined) => void;
  readonly events: readonly HandlerEvent['type'][];
}

const deliver = (call: PullCall): void => {
  call.opened(live);
  call.sink.write(frames);
  call.state('interrupted');
};

const deliverAndEnd = (call: PullCall): void => {
  deliver(call);
  call.ended('unpublished');
};

const all = ['opened', 'frames', 'state'] as const;

const stories: Readonly<Record<string, Story>> = {
  'by its puller at once': { begun: (pull) => pull.close(), events: [] },
  'by its puller when the source is about to be asked': { asked: (pull) => pull.close(), events: [] },
  'by its puller before the source has answered': { later: (pull) => pull.close(), events: [] },
  'by its puller as it opens': {
    answer: deliver,
    heard: (_, pull) => pull.close(),
    events: ['opened'],
  },
  'by its puller while frames come': {
    answer: deliverAndEnd,
    heard: (event, pull) => event === 'frames' && pull.close(),
    events: ['opened', 'frames'],
  },
  'by its puller when it is over': {
    answer: deliverAndEnd,
    heard: (event, pull) => event === 'ended' && pull.close(),
    later: (pull) => pull.close(),
    events: [...all, 'ended'],
  },
  'by its source': { answer: deliverAndEnd, events: [...all, 'ended'] },
  'by its source, which goes on all the same': {
    answer: (call) => {
      deliverAndEnd(call);
      deliverAndEnd(call);
      call.refuse(draining);
    },
    events: [...all, 'ended'],
  },
  'by its source while the puller hears something': {
    answer: deliver,
    heard: (event, _, call) => event === 'frames' && call?.ended('unpublished'),
    events: [...all, 'ended'],
  },
  'by its source before it was opened': {
    answer: (call) => {
      call.ended('unpublished');
    },
    events: ['failed'],
  },
  'by a refusal': {
    answer: (call) => {
      call.refuse(draining);
    },
    events: ['failed'],
  },
  'by a refusal after frames': {
    answer: (call) => {
      deliver(call);
      call.refuse(draining);
    },
    events: [...all, 'failed'],
  },
  'by both at once': {
    answer: deliver,
    later: (pull, call) => {
      call?.ended('unpublished');
      pull.close();
    },
    events: [...all],
  },
  'by both at once, the puller first': {
    answer: deliver,
    later: (pull, call) => {
      pull.close();
      call?.refuse(draining);
    },
    events: [...all],
  },
};

class ActingHandler extends RecordingHandler {
  act: (event: HandlerEvent['type']) => void = () => undefined;

  override opened(info: OpenedInfo): void {
    super.opened(info);
    this.act('opened');
  }

  override frames(...[received]: Parameters<RecordingHandler['frames']>): void {
    super.frames(received);
    this.act('frames');
  }

  override ended(...[reason]: Parameters<RecordingHandler['ended']>): void {
    super.ended(reason);
    this.act('ended');
  }
}

let clock: ManualClock;
let pair: RelayPair;

beforeEach(async () => {
  clock = new ManualClock();
  pair = await RelayPair.start({ clientClock: clock, serverClock: clock, isLocal: true });
});

afterEach(async () => {
  await pair.stop();
});

/** Until everything that is under way has been said and heard. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
}

it.each(Object.entries(stories))('nothing is left of a pull that is ended %s', async (_, story) => {
  let closes = 0;
  pair.source.onOpen((call) => {
    call.onClosed(() => closes++);
    story.answer?.(call);
  });
  const handler = new ActingHandler();
  // Before that of the server, which is set by `pull`.
  setImmediate(() => story.asked?.(pull));
  const pull = pair.client.pull(pair.address, { stream }, handler);
  handler.act = (event) => story.heard?.(event, pull, pair.source.calls[0]);
  story.begun?.(pull);
  await settled();
  story.later?.(pull, pair.source.calls[0]);
  await settled();
  expect(handler.events.map(({ type }) => type)).toEqual(story.events);
  expect(pair.server.pulls).toBe(0);
  expect(closes).toBe(pair.source.calls.length);
  for (const call of pair.source.calls) expect([call.isClosed, call.sink.pendingBytes]).toEqual([true, 0]);
  expect(clock.pendingTimers).toBe(0);
});

it('nothing is left of pulls when the server stops, be they open, unanswered or just begun', async () => {
  const handlers = [new RecordingHandler(), new RecordingHandler(), new RecordingHandler()];
  const [open, unanswered, begun] = handlers;
  if (open === undefined || unanswered === undefined || begun === undefined) throw new Error('no handlers');
  pair.client.pull(pair.address, { stream }, open);
  pair.client.pull(pair.address, { stream }, unanswered);
  await settled();
  const [first] = pair.source.calls;
  if (first !== undefined) deliver(first);
  pair.client.pull(pair.address, { stream }, begun);
  await pair.server.stop(5_000);
  await settled();
  for (const handler of handlers) expect(handler.result).toMatchObject({ code: 'draining' });
  expect(open.received).toHaveLength(3);
  expect(pair.source.calls).toHaveLength(2);
  expect([pair.server.pulls, clock.pendingTimers]).toEqual([0, 0]);
});
