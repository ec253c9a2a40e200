import { AppError } from '@headwater/contracts';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { testFrame as frame, testRecord as record, UpstreamRig, type ScriptedPull } from './testing/index.ts';
import type { Upstream } from './upstream.ts';

let rig: UpstreamRig;
let registry: MemoryStreamRegistry;
let upstream: Upstream;
let pulls: readonly ScriptedPull[];

const last = (): ScriptedPull => rig.last;
const opened = (epoch: number, firstSequence = 0): void => {
  rig.opened(epoch, firstSequence);
};
const cut = (): void => {
  rig.cut();
};

beforeEach(() => {
  rig = new UpstreamRig();
  ({ upstream, pulls } = rig);
  registry = new MemoryStreamRegistry({ clock: rig.clock, leaseMs: 1_000_000 });
  const { stream } = record(1);
  rig.find = async () => registry.stream(stream);
});

describe('a pull that breaks off', () => {
  beforeEach(() => {
    upstream.claimed(record(5));
    opened(5, 3);
  });

  it('goes on after its last frame', () => {
    last().handler.frames([frame(0, 'header'), frame(3, 'keyframe'), frame(4)]);
    cut();
    upstream.claimed(record(5));
    expect(last().request).toMatchObject({ minEpoch: 5, resume: { epoch: 5, sequence: 5 } });
  });

  it('starts afresh where it had brought no media yet, so that the headers come', () => {
    cut();
    upstream.claimed(record(5));
    expect(last().request.resume).toBeUndefined();
    opened(5, 3);
    last().handler.frames([frame(0, 'header')]);
    cut();
    upstream.claimed(record(5));
    expect(last().request.resume).toBeUndefined();
  });

  it('starts afresh at a new epoch that had brought no media yet', () => {
    last().handler.frames([frame(3, 'keyframe')]);
    upstream.claimed(record(6));
    opened(6);
    cut();
    upstream.claimed(record(6));
    expect(last().request.resume).toBeUndefined();
  });
});

describe('the news of a claim', () => {
  it('moves the pull to a higher epoch', () => {
    upstream.claimed(record(5));
    upstream.claimed(record(6));
    expect(pulls.map(({ address, isClosed }) => [address, isClosed])).toEqual([
      ['origin-5:1', true],
      ['origin-6:1', false],
    ]);
  });

  it('changes nothing when a pull of that epoch or a higher one is already opening', () => {
    upstream.claimed(record(6));
    upstream.claimed(record(6));
    upstream.claimed(record(5));
    expect(pulls).toHaveLength(1);
    expect(last().isClosed).toBe(false);
  });

  it('of a lower epoch is nothing to fall back to when the pull of a higher one failed', () => {
    upstream.claimed(record(6));
    cut();
    upstream.claimed(record(5));
    expect(pulls).toHaveLength(1);
  });
});

describe('the news of an end', () => {
  beforeEach(() => {
    upstream.claimed(record(5));
    opened(5);
    last().handler.frames([frame(0, 'keyframe')]);
    rig.news();
  });

  it('is left to the owner while the pull is open', () => {
    upstream.endedElsewhere(record(5, { state: 'ended' }));
    expect(rig.news()).toEqual([]);
    last().handler.ended('unpublished');
    expect(rig.news()).toEqual(['ended unpublished']);
  });

  it('ends the stream when the pull breaks off without the owner having said so', () => {
    upstream.endedElsewhere(record(5, { state: 'ended' }));
    cut();
    expect(rig.news()).toEqual(['ended stream_ended']);
  });

  it('means nothing once a higher epoch was claimed', () => {
    upstream.endedElsewhere(record(5, { state: 'ended' }));
    upstream.claimed(record(6));
    cut();
    expect(rig.news()).toEqual(['lost']);
  });

  it('ends the stream at once while nothing is pulled', async () => {
    cut();
    await rig.settle();
    upstream.endedElsewhere(record(5, { state: 'ended' }));
    expect(rig.news()).toEqual(['lost', 'ended stream_ended']);
  });
});

describe('an owner', () => {
  beforeEach(async () => {
    await registry.join({
      ...record(5).owner,
      roles: ['origin'],
      zone: '',
      region: '',
      addresses: {},
      isDraining: false,
      load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
    });
    await registry.claim({ stream: record(5).stream, owner: record(5).owner, relayAddress: 'origin-5:1' });
    upstream.start();
    await rig.settle();
  });

  it('that opens and ends again and again is not asked without a pause', async () => {
    for (let round = 0; round < 20; round++) {
      opened(rig.clock.wallMs());
      last().handler.ended('internal_error');
      await rig.settle();
    }
    expect(pulls).toHaveLength(1);
  });

  it('that stays silent is left after each stall and asked anew at once, lest what it says then is missed', async () => {
    const epoch = rig.clock.wallMs();
    for (let round = 1; round <= 5; round++) {
      opened(epoch);
      rig.clock.advance(2_000);
      await rig.settle();
      expect(pulls.map(({ isClosed }) => isClosed)).toEqual([...new Array<boolean>(round).fill(true), false]);
    }
  });
});

it('an owner whose lease has run out is asked: it may be cut off from the registry only', async () => {
  const { owner } = record(5);
  await registry.join(testNode(owner.nodeId, owner));
  await registry.claim({ stream: record(5).stream, owner, relayAddress: 'origin-5:1' });
  await registry.leave(owner);
  expect((await registry.stream(record(5).stream))?.state).toBe('orphaned');
  upstream.start();
  await rig.settle();
  expect(pulls.map(({ address }) => address)).toEqual(['origin-5:1']);
});

it('without the registry the owner that was known last is asked again, after a pause', async () => {
  upstream.claimed(record(5));
  opened(5);
  rig.find = async () => Promise.resolve(record(5));
  for (let round = 1; round <= 5; round++) {
    cut();
    await rig.settle();
    expect(pulls).toHaveLength(round);
    rig.clock.advance(2_500);
    await rig.settle();
    expect(pulls).toHaveLength(round + 1);
  }
  expect(new Set(pulls.map(({ address }) => address))).toEqual(new Set(['origin-5:1']));
});

it('an owner whose connection breaks is reported, one that merely refuses is not', () => {
  upstream.claimed(record(5));
  last().handler.failed(new AppError('stream_not_found'));
  expect(rig.reported).toEqual([]);
  upstream.claimed(record(6));
  cut();
  expect(rig.reported).toEqual(['origin-6 broken']);
});

it('an owner that stalls is reported', () => {
  upstream.claimed(record(5));
  opened(5);
  rig.clock.advance(2_000);
  expect(rig.reported).toEqual(['origin-5 stalled']);
});
