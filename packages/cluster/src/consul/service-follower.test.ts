import { afterEach, beforeEach, expect, it } from 'vitest';
import { json, machineClock, pollUntil, ScriptedConsul } from '../testing/index.ts';
import { ConsulClient } from './consul-client.ts';
import { ServiceFollower } from './service-follower.ts';

let script: ScriptedConsul;
let client: ConsulClient;
let follower: ServiceFollower;
let told: string[];

beforeEach(async () => {
  told = [];
  script = await ScriptedConsul.start(json([]));
  client = new ConsulClient({ url: script.url, callMs: 500 });
  follower = new ServiceFollower({
    ...{ client, clock: machineClock, service: 's', datacenter: 'x' },
    onAnswer: (answer, isReset) => told.push(`${JSON.stringify(answer.body)}${isReset ? ' reset' : ''}`),
    onFailure: (failure) => told.push(failure.kind),
    limits: { minPeriodMs: 1, minPauseMs: 1, maxPauseMs: 4, waitMs: 60_000 },
  });
});

afterEach(async () => {
  await follower.close();
  client.close();
  await script.close();
});

/** Answers one request after the other, then holds the next back as a blocking query is. */
function play(answers: readonly { index?: string; leader?: string; status?: number }[]): void {
  let next = 0;
  script.answer = (request, response) => {
    const answer = answers[next++];
    if (answer === undefined) return;
    const { index, leader = 'true', status } = answer;
    if (status !== undefined) response.writeHead(status).end('no');
    else {
      json([next], {
        'x-consul-knownleader': leader,
        ...(index === undefined ? {} : { 'x-consul-index': index }),
      })(request, response);
    }
  };
}

/** The indexes that were asked on from; `-` is a question that does not block. */
function indexes(): string[] {
  return script.asked.map((line) => /index=(\d+)&wait=20000ms/.exec(line)?.[1] ?? '-');
}

async function untilAsked(times: number): Promise<void> {
  await pollUntil(`${times} queries`, () => script.asked.length >= times);
}

it('asks on from the index of each answer, waiting for at most 20 s', async () => {
  play([{ index: '5' }, { index: '9' }, { index: '9' }]);
  await follower.start();
  expect(told).toEqual(['[1]']);
  await untilAsked(4);
  expect([indexes(), told]).toEqual([
    ['-', '5', '9', '9'],
    ['[1]', '[2]', '[3]'],
  ]);
});

it('starts again from nothing when the index goes backwards, also across digits, and says so', async () => {
  play([{ index: '10' }, { index: '9' }, { index: '9' }]);
  await follower.start();
  await untilAsked(4);
  expect([indexes(), told]).toEqual([
    ['-', '10', '-', '9'],
    ['[1]', '[2] reset', '[3]'],
  ]);
});

it('does not wait on an index that is none', async () => {
  play([{ index: '0' }, { index: '-1' }, { index: 'x' }, {}, { index: '3' }]);
  await follower.start();
  await untilAsked(6);
  expect(indexes()).toEqual(['-', '-', '-', '-', '-', '3']);
});

it('asks without waiting after a failure, and takes a server without leader for one', async () => {
  play([{ index: '5' }, { status: 500 }, { index: '6', leader: 'false' }, { index: '7' }]);
  await follower.start();
  await untilAsked(5);
  expect([indexes(), told]).toEqual([
    ['-', '5', '-', '-', '7'],
    ['[1]', 'answer', 'answer', '[4]'],
  ]);
});

it('breaks off its query to ask anew, and when it is closed, without calling either a failure', async () => {
  play([{ index: '5' }]);
  await follower.start();
  await untilAsked(2);
  follower.refresh();
  await untilAsked(3);
  await follower.close();
  expect([indexes(), told]).toEqual([['-', '5', '-'], ['[1]']]);
});
