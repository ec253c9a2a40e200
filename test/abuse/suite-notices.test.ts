// The abuse suite itself: shown a server that is known to break, it says so.
import { afterAll, describe, expect, it } from 'vitest';
import { audioFrame, framePeriodMs, videoFrame } from '../support/good-stream-frames.ts';
import { FrameLedger } from '../support/good-stream-ledger.ts';
import type { CaseResult } from './abuse-case.ts';
import { AbuseRunner } from './abuse-runner.ts';
import { abuseCases } from './cases/index.ts';
import { launchNodeMediaServer } from './node-media-server.ts';

describe('against node-media-server 4.4.3', () => {
  const runner = new AbuseRunner(async () => launchNodeMediaServer());

  afterAll(async () => {
    await runner.stop();
  });

  it('sees that frames of a viewer reach the good viewers', async () => {
    const { failures, hasDied } = await run(runner, 35);
    expect(hasDied).toBe(false);
    expect(failures.join()).toContain('frames never published');
  });

  it('sees that the process ends by an empty control message, and starts it again for the next case', async () => {
    const { failures, hasDied, exception } = await run(runner, 10);
    expect({ failures, hasDied }).toEqual({ failures: ['the process ended'], hasDied: true });
    expect(exception).toContain('ERR_BUFFER_OUT_OF_BOUNDS');
    expect((await run(runner, 16)).failures).toEqual([]);
  });
});

describe('FrameLedger', () => {
  it('finds nothing wrong with frames in order, whatever the first number and the time shift are', () => {
    expect(ledgerOf([7, 8, 9]).report()).toMatchObject({
      frames: 6,
      missing: 0,
      disordered: 0,
      altered: 0,
      mistimed: 0,
    });
  });

  it('counts a number that is left out as missing', () => {
    expect(ledgerOf([1, 2, 5]).report()).toMatchObject({ missing: 4, disordered: 0 });
  });

  it('counts a number that comes again as out of order', () => {
    expect(ledgerOf([1, 2, 2, 3]).report()).toMatchObject({ missing: 0, disordered: 2 });
  });

  it('counts a frame with one changed bit as altered', () => {
    const ledger = new FrameLedger();
    for (let at = 0; at < videoFrame(3).length; at += 1) {
      const body = videoFrame(3);
      body[at] = (body[at] ?? 0) ^ 1;
      ledger.take('video', 0, body);
    }
    expect(ledger.report()).toMatchObject({ frames: 0, altered: videoFrame(3).length });
  });

  it('counts a frame whose time is shifted unlike the first as mistimed', () => {
    const ledger = ledgerOf([1, 2]);
    ledger.take('video', 3 * framePeriodMs + 1, videoFrame(3));
    expect(ledger.report()).toMatchObject({ frames: 5, mistimed: 1 });
  });

  it('forgets what was counted at a mark, but not where the stream is', () => {
    const ledger = ledgerOf([1, 2, 2]);
    ledger.mark();
    ledger.take('video', 3 * framePeriodMs, videoFrame(3));
    expect(ledger.report()).toMatchObject({ frames: 1, missing: 0, disordered: 0, mistimed: 0 });
  });
});

function ledgerOf(numbers: readonly number[]): FrameLedger {
  const ledger = new FrameLedger();
  for (const number of numbers) {
    ledger.take('video', number * framePeriodMs, videoFrame(number));
    ledger.take('audio', number * framePeriodMs, audioFrame(number));
  }
  return ledger;
}

async function run(runner: AbuseRunner, number: number): Promise<CaseResult> {
  const found = abuseCases.find((abuse) => abuse.number === number);
  if (found === undefined) throw new Error(`there is no case ${number}`);
  return runner.runCase(found);
}
