import { AppError, parseStreamKey, silentLogger, type CloseReason } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry, type StreamRecord } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import type { Frame } from '@headwater/media';
import type { PullHandler, PullRequest } from '@headwater/relay';
import { beforeEach, describe, expect, it } from 'vitest';
import { upstreamCandidates } from './upstream-candidates.ts';
import { Upstream } from './upstream.ts';

const stream = parseStreamKey('live/cam1');

interface ScriptedPull {
  readonly address: string;
  readonly request: Omit<PullRequest, 'nodeId'>;
  readonly handler: PullHandler;
  isClosed: boolean;
}

let clock: ManualClock;
let registry: MemoryStreamRegistry;
let pulls: ScriptedPull[];
let heard: string[];
let reported: string[];
let upstream: Upstream;
/** What a look-up says. */
let find: () => Promise<StreamRecord | undefined>;

const self = { nodeId: 'edge-1', zone: '', region: '' };

function record(epoch: number, state: StreamRecord['state'] = 'live'): StreamRecord {
  return {
    stream,
    owner: { nodeId: `origin-${String(epoch)}`, incarnation: 'run' },
    relayAddress: `origin-${String(epoch)}:1`,
    epoch,
    state,
    codecs: [],
    sinceMs: 0,
  };
}

function frame(sequence: number, role: Frame['role'] = 'media'): Frame {
  return { kind: 'video', role, sequence, timestampMs: sequence * 40, payload: Buffer.from([0x27, 1]) };
}

/** The newest pull. */
function last(): ScriptedPull {
  const pull = pulls.at(-1);
  if (pull === undefined) throw new Error('nothing was pulled');
  return pull;
}

function opened(epoch: number, firstSequence = 0): void {
  last().handler.opened({ epoch, firstSequence, resumed: false, state: 'live' });
}

const cut = (): void => {
  last().handler.failed(new AppError('upstream_unavailable'));
};

/** Lets look-ups of the registry come back. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

beforeEach(() => {
  clock = new ManualClock();
  registry = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000 });
  find = async () => registry.stream(stream);
  pulls = [];
  heard = [];
  reported = [];
  upstream = new Upstream({
    stream,
    find: async () => find(),
    candidates: (known, failed) => upstreamCandidates({ record: known, failed, nodes: [], self }),
    pullOpened: () => undefined,
    relay: {
      pull: (address, request, handler) => {
        const pull = { address, request, handler, isClosed: false };
        pulls.push(pull);
        return { close: () => void (pull.isClosed = true) };
      },
    },
    clock,
    logger: silentLogger,
    listener: {
      opened: ({ epoch }) => heard.push(`opened ${String(epoch)}`),
      frames: (epoch, frames) =>
        heard.push(`frames ${String(epoch)} ${frames.map(({ sequence }) => sequence).join()}`),
      state: (state) => heard.push(state),
      lost: () => heard.push('lost'),
      ended: (reason: CloseReason) => heard.push(`ended ${reason}`),
    },
    reportLoss: ({ nodeId }, loss) => reported.push(`${nodeId} ${loss}`),
    random: () => 0.5,
  });
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
    heard = [];
  });

  it('is left to the owner while the pull is open', () => {
    upstream.endedElsewhere(record(5, 'ended'));
    expect(heard).toEqual([]);
    last().handler.ended('unpublished');
    expect(heard).toEqual(['ended unpublished']);
  });

  it('ends the stream when the pull breaks off without the owner having said so', () => {
    upstream.endedElsewhere(record(5, 'ended'));
    cut();
    expect(heard).toEqual(['ended stream_ended']);
  });

  it('means nothing once a higher epoch was claimed', () => {
    upstream.endedElsewhere(record(5, 'ended'));
    upstream.claimed(record(6));
    cut();
    expect(heard).toEqual(['lost']);
  });

  it('ends the stream at once while nothing is pulled', async () => {
    cut();
    await settle();
    upstream.endedElsewhere(record(5, 'ended'));
    expect(heard).toEqual(['lost', 'ended stream_ended']);
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
    await registry.claim({ stream, owner: record(5).owner, relayAddress: 'origin-5:1' });
    upstream.start();
    await settle();
  });

  it('that opens and ends again and again is not asked without a pause', async () => {
    for (let round = 0; round < 20; round++) {
      opened(clock.wallMs());
      last().handler.ended('internal_error');
      await settle();
    }
    expect(pulls).toHaveLength(1);
  });

  it('that stays silent is left after each stall and asked anew at once, lest what it says then is missed', async () => {
    const epoch = clock.wallMs();
    for (let round = 1; round <= 5; round++) {
      opened(epoch);
      clock.advance(2_000);
      await settle();
      expect(pulls.map(({ isClosed }) => isClosed)).toEqual([...new Array<boolean>(round).fill(true), false]);
    }
  });
});

it('an owner whose lease has run out is asked: it may be cut off from the registry only', async () => {
  const { owner } = record(5);
  await registry.join(testNode(owner.nodeId, owner));
  await registry.claim({ stream, owner, relayAddress: 'origin-5:1' });
  await registry.leave(owner);
  expect((await registry.stream(stream))?.state).toBe('orphaned');
  upstream.start();
  await settle();
  expect(pulls.map(({ address }) => address)).toEqual(['origin-5:1']);
});

it('without the registry the owner that was known last is asked again, after a pause', async () => {
  upstream.claimed(record(5));
  opened(5);
  find = async () => Promise.resolve(record(5));
  for (let round = 1; round <= 5; round++) {
    cut();
    await settle();
    expect(pulls).toHaveLength(round);
    clock.advance(2_500);
    await settle();
    expect(pulls).toHaveLength(round + 1);
  }
  expect(new Set(pulls.map(({ address }) => address))).toEqual(new Set(['origin-5:1']));
});

it('an owner whose connection breaks is reported, one that merely refuses is not', () => {
  upstream.claimed(record(5));
  last().handler.failed(new AppError('stream_not_found'));
  expect(reported).toEqual([]);
  upstream.claimed(record(6));
  cut();
  expect(reported).toEqual(['origin-6 broken']);
});

it('an owner that stalls is reported', () => {
  upstream.claimed(record(5));
  opened(5);
  clock.advance(2_000);
  expect(reported).toEqual(['origin-5 stalled']);
});
