import type { NodeRecord } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { testFrame, testRecord, UpstreamRig } from './testing/index.ts';

const standby = { nodeId: 'origin-9', incarnation: 'run', relayAddress: 'origin-9:1' };
const followed = testRecord(5, { standby });
const longestWayBackMs = 10_000;

let rig: UpstreamRig;

function peer(nodeId: string): NodeRecord {
  return testNode(nodeId, { roles: ['edge'], zone: '', region: '', addresses: { relay: `${nodeId}:1` } });
}

/** The owner's pull opens and brings frames 0 to 9. */
async function flow(): Promise<void> {
  rig.upstream.start();
  await rig.settle();
  rig.opened(5);
  rig.frames(0, 10, 'keyframe');
  rig.news();
}

/** The owner's connection breaks, and cannot be made again. */
async function loseOwner(): Promise<void> {
  rig.cut();
  await rig.pass(150);
  expect(rig.last.address).toBe('origin-5:1');
  rig.cut();
}

beforeEach(() => {
  rig = new UpstreamRig();
  rig.find = async () => Promise.resolve(followed);
  rig.nodes = [peer('edge-2')];
});

describe('an owner that cannot be reached', () => {
  it('is asked once more when its connection breaks, and the standby goes on after the last frame', async () => {
    await flow();
    await loseOwner();
    expect(rig.addresses).toEqual(['origin-5:1', 'origin-5:1', 'origin-9:1']);
    expect(rig.last.request).toMatchObject({ minEpoch: 5, resume: { epoch: 5, sequence: 10 } });
    expect(rig.last.request.reach).toBeUndefined();
    rig.opened(5, 10);
    rig.frames(10, 12);
    expect(rig.news()).toEqual(['lost', 'lost', 'opened 5', 'frames 5 10,11']);
    expect(rig.openings).toEqual(['owner', 'standby!']);
    expect(rig.upstream.isDirect).toBe(true);
  });

  it('is left for the standby at once when it stalls', async () => {
    await flow();
    await rig.pass(2_000);
    expect(rig.addresses).toEqual(['origin-5:1', 'origin-9:1']);
    expect(rig.reported).toEqual(['origin-5 stalled']);
  });

  it('is replaced by a peer where the standby cannot be reached either', async () => {
    await flow();
    await loseOwner();
    rig.cut();
    expect(rig.last).toMatchObject({ address: 'edge-2:1', request: { reach: 'peer' } });
    rig.opened(5, 8);
    rig.frames(8, 12, 'keyframe');
    expect(rig.news().slice(-2)).toEqual(['opened 5', 'frames 5 10,11']);
    expect(rig.upstream.isDirect).toBe(false);
    // Only owners are reported: nobody can do anything about the others.
    expect(new Set(rig.reported)).toEqual(new Set(['origin-5 broken']));
  });

  it('is asked again, after all others, when none of them has the stream', async () => {
    await flow();
    await loseOwner();
    rig.refuse();
    rig.refuse();
    expect(rig.upstream.phase).toBe('backing-off');
    await rig.pass(2_500);
    expect(rig.addresses.slice(2)).toEqual(['origin-9:1', 'edge-2:1', 'origin-5:1']);
  });

  it('whose publisher is silent loses no frame to the search for another', async () => {
    await flow();
    await rig.pass(2_000);
    rig.refuse();
    rig.refuse();
    expect(rig.last.address).toBe('origin-5:1');
    rig.opened(5, 10);
    rig.frames(10, 11);
    expect(rig.news().slice(-2)).toEqual(['opened 5', 'frames 5 10']);
  });
});

it('an owner that answers that it has not got the stream is believed: nobody else is asked', async () => {
  rig.upstream.start();
  await rig.settle();
  rig.refuse();
  expect(rig.upstream.phase).toBe('backing-off');
  await rig.pass(2_500);
  expect(new Set(rig.addresses)).toEqual(new Set(['origin-5:1']));
});

it('viewers are not told of a substitute that opens and brings nothing', async () => {
  await flow();
  await loseOwner();
  rig.opened(5, 10);
  rig.last.handler.frames([testFrame(0, 'header')]);
  rig.last.handler.state('live');
  await rig.pass(2_000);
  expect(rig.news()).toEqual(['lost', 'lost', 'frames 5 0', 'lost']);
});

it('viewers are told of a substitute that says that the publisher is away', async () => {
  await flow();
  await loseOwner();
  rig.opened(5, 10, 'interrupted');
  expect(rig.news()).toEqual(['lost', 'lost', 'opened 5']);
});

describe('the end of a stream', () => {
  it('is not what a substitute says, since it may have lost the stream only', async () => {
    await flow();
    await loseOwner();
    rig.opened(5, 10);
    rig.frames(10, 11);
    rig.news();
    rig.last.handler.ended('hold_expired');
    expect(rig.news()).toEqual(['lost']);
    expect(rig.upstream.phase).toBe('backing-off');
  });

  it('is what the registry says, once the substitute has nothing more', async () => {
    await flow();
    await loseOwner();
    rig.opened(5, 10);
    rig.frames(10, 11);
    rig.news();
    rig.upstream.endedElsewhere(testRecord(5, { state: 'ended' }));
    expect(rig.news()).toEqual([]);
    rig.last.handler.ended('unpublished');
    expect(rig.news()).toEqual(['ended stream_ended']);
  });
});

describe('the way back to the owner', () => {
  beforeEach(async () => {
    await flow();
    await loseOwner();
    rig.opened(5, 10);
    rig.frames(10, 12);
    rig.news();
  });

  it('is tried beside the substitute, and taken without a gap or a repetition', async () => {
    const substitute = rig.last;
    // The publisher's frames keep coming meanwhile.
    for (let sequence = 12; rig.last === substitute; sequence++) {
      substitute.handler.frames([testFrame(sequence)]);
      await rig.pass(500);
    }
    expect(rig.last).toMatchObject({ address: 'origin-5:1', isClosed: false });
    expect(substitute.isClosed).toBe(false);
    rig.news();
    const { sequence = 0 } = rig.last.request.resume ?? {};
    substitute.handler.frames([testFrame(sequence)]);
    rig.opened(5, sequence);
    rig.last.handler.frames([testFrame(0, 'header')]);
    // It has delivered nothing yet.
    expect(substitute.isClosed).toBe(false);
    rig.frames(sequence, sequence + 2);
    expect(substitute.isClosed).toBe(true);
    const numbers = [sequence, sequence + 1].map(String);
    expect(rig.news()).toEqual([
      `frames 5 ${String(numbers[0])}`,
      'opened 5',
      `frames 5 0,${String(numbers[1])}`,
    ]);
    expect(rig.openings).toEqual(['owner', 'standby!', 'owner!']);
  });

  it('is taken at once where the owner says that the publisher is away: nobody else can know better', async () => {
    const substitute = rig.last;
    for (let sequence = 12; rig.last === substitute; sequence++) {
      substitute.handler.frames([testFrame(sequence)]);
      await rig.pass(500);
    }
    rig.news();
    rig.opened(5, 12, 'interrupted');
    expect([substitute.isClosed, rig.last.isClosed]).toEqual([true, false]);
    expect(rig.news()).toEqual(['opened 5']);
  });

  it('keeps to what an owner knew last, whatever older word the registry gives', async () => {
    rig.upstream.claimed(testRecord(6, { standby }));
    rig.opened(6);
    rig.frames(0, 2, 'keyframe');
    rig.cut();
    rig.find = async () => Promise.resolve(followed);
    await rig.pass(150);
    expect(rig.last.address).toBe('origin-6:1');
    expect(rig.upstream.owner?.nodeId).toBe('origin-6');
    rig.cut();
    rig.opened(6, 2);
    for (let sequence = 2; rig.last.address === 'origin-9:1'; sequence++) {
      rig.frames(sequence, sequence + 1);
      await rig.pass(500);
    }
    expect(rig.last.address).toBe('origin-6:1');
    expect(rig.upstream.owner?.nodeId).toBe('origin-6');
  });

  it('is not taken while it fails, refuses, or would leave frames out, and is tried again', async () => {
    const substitute = rig.last;
    const answers = [
      () => {
        rig.cut();
      },
      () => {
        rig.refuse();
      },
      () => {
        rig.opened(5, 1_000);
        expect(rig.last.isClosed).toBe(true);
      },
      () => {
        rig.last.handler.ended('hold_expired');
      },
    ];
    let sequence = 12;
    for (const answer of answers) {
      const { length } = rig.pulls;
      for (let waitedMs = 0; rig.pulls.length === length; waitedMs += 500) {
        expect(waitedMs).toBeLessThanOrEqual(longestWayBackMs);
        substitute.handler.frames([testFrame(sequence++)]);
        await rig.pass(500);
      }
      answer();
      expect(substitute.isClosed).toBe(false);
    }
    expect(rig.news().every((line) => line.startsWith('frames 5'))).toBe(true);
  });

  it('is not taken while the owner accepts and brings nothing', async () => {
    const substitute = rig.last;
    let sequence = 12;
    const goOn = async (): Promise<void> => {
      substitute.handler.frames([testFrame(sequence++)]);
      await rig.pass(500);
    };
    for (let tries = 0; tries < 2; tries++) {
      const { length } = rig.pulls;
      while (rig.pulls.length === length) await goOn();
      const silent = rig.last;
      rig.opened(5, 12);
      silent.handler.frames([testFrame(0, 'header')]);
      for (let turns = 0; turns < 4; turns++) await goOn();
      expect([silent.isClosed, substitute.isClosed]).toEqual([true, false]);
    }
    expect(rig.news().every((line) => line.startsWith('frames 5'))).toBe(true);
  });

  it('ends with the substitute: never do two pulls go on', async () => {
    const substitute = rig.last;
    for (let sequence = 12; rig.last === substitute; sequence++) {
      substitute.handler.frames([testFrame(sequence)]);
      await rig.pass(500);
    }
    const trial = rig.last;
    rig.upstream.claimed(testRecord(6));
    expect([substitute.isClosed, trial.isClosed, rig.last.address]).toEqual([true, true, 'origin-6:1']);
    rig.upstream.close();
    expect(rig.last.isClosed).toBe(true);
    expect(rig.clock.pendingTimers).toBe(0);
  });
});

it('a new owner is pulled from at once, whatever delivers the old epoch', async () => {
  await flow();
  await loseOwner();
  rig.opened(5, 10);
  rig.frames(10, 11);
  const substitute = rig.last;
  rig.upstream.claimed(testRecord(6));
  expect(substitute.isClosed).toBe(true);
  expect(rig.last).toMatchObject({ address: 'origin-6:1', request: { minEpoch: 6 } });
});
