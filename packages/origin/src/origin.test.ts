import {
  parseStreamKey,
  silentLogger,
  silentMetrics,
  type AccessDecision,
  type AccessRequest,
  type MetricLabels,
} from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { MemoryStreamRegistry } from '@headwater/cluster';
import { beforeEach, describe, expect, it } from 'vitest';
import { Origin } from './origin.ts';
import { originStreamTransitions, type OriginStreamState } from './origin-stream.ts';
import { TestPublisher } from './testing/index.ts';

const node = { nodeId: 'origin-1', incarnation: 'run-1' };
const key = parseStreamKey('live/cam1');
const audio = Buffer.from([0xaf, 1, 2, 3]);
const holdMs = 15_000;

// The token is the credential; nobody may publish to live/closed.
const access = {
  decide: ({ stream, params }: AccessRequest): Promise<AccessDecision> => {
    if (stream === 'live/closed') {
      return Promise.resolve({ allowed: false, code: 'publish_denied', description: 'closed for tests' });
    }
    const credential = params.get('token');
    return Promise.resolve({ allowed: true, ...(credential === undefined ? {} : { credential }) });
  },
};

let clock: ManualClock;
let registry: MemoryStreamRegistry;
let origin: Origin;
let sessions = 0;
let publishersElsewhere = 0;
/** What histograms were told. */
let observed: [name: string, value: number, labels: MetricLabels][];

beforeEach(async () => {
  clock = new ManualClock();
  publishersElsewhere = 0;
  observed = [];
  registry = new MemoryStreamRegistry({ clock, leaseMs: 1_000_000 });
  await registry.join({
    ...node,
    roles: ['origin'],
    zone: 'a',
    region: 'r',
    addresses: { relay: '127.0.0.1:1' },
    isDraining: false,
    load: { cpu: 0, publishers: 0, viewers: 0, egressBitsPerSecond: 0 },
  });
  origin = new Origin({
    clock,
    logger: silentLogger,
    metrics: {
      ...silentMetrics,
      histogram: ({ name }) => ({
        observe: (value, labels = {}) => {
          observed.push([name, value, labels]);
        },
      }),
    },
    registry,
    access,
    node,
    relayAddress: () => '127.0.0.1:1',
    ring: {},
    holdMs,
    maxPublishers: 3,
    publishersElsewhere: () => publishersElsewhere,
  });
});

async function publish(name: string, token?: string): Promise<TestPublisher> {
  const publisher = new TestPublisher(name, token === undefined ? {} : { token });
  await origin.publish(publisher, {
    sessionId: String(++sessions),
    protocol: 'rtmp',
    remoteAddress: '192.0.2.1',
  });
  return publisher;
}

describe('a first publisher', () => {
  it('is accepted after the stream was claimed, and its frames are numbered from 0', async () => {
    const publisher = await publish('live/cam1');
    expect(publisher.isAccepted).toBe(true);
    expect(await registry.stream(key)).toMatchObject({
      owner: node,
      state: 'live',
      relayAddress: '127.0.0.1:1',
    });
    publisher.send('audio', 100, audio);
    publisher.send('audio', 120, audio);
    expect(origin.streams.get(key)?.live.lastSequence).toBe(1);
  });

  it('is refused with the reason when the access policy says no, and nothing is claimed', async () => {
    const publisher = await publish('live/closed');
    expect(publisher.isAccepted).toBe(false);
    expect(publisher.refusedWith?.code).toBe('publish_denied');
    expect(publisher.refusedWith?.message).toContain('closed for tests');
    expect(await registry.streams()).toEqual([]);
  });

  it.each(['live/..', 'live/a b', 'live/', `live/${'x'.repeat(129)}`])(
    'is refused for the name %j',
    async (name) => {
      expect((await publish(name)).refusedWith?.code).toBe('stream_name_invalid');
    },
  );

  it('is refused when the node has as many publishers as it may', async () => {
    for (const name of ['live/a', 'live/b', 'live/c']) await publish(name);
    expect((await publish('live/d')).refusedWith?.code).toBe('limit_reached');
  });

  it('is refused when it has them together with others that count to the same limit', async () => {
    publishersElsewhere = 2;
    expect((await publish('live/a')).isAccepted).toBe(true);
    expect((await publish('live/b')).refusedWith?.code).toBe('limit_reached');
    publishersElsewhere = 1;
    expect((await publish('live/b')).isAccepted).toBe(true);
  });

  it('is refused while the node drains', async () => {
    origin.drain();
    expect((await publish('live/cam1')).refusedWith?.code).toBe('draining');
  });

  it('leaves no claim behind when it went away before the decision', async () => {
    const publisher = new TestPublisher('live/cam1');
    publisher.isCancelled = true;
    await origin.publish(publisher, { sessionId: 'x', protocol: 'rtmp', remoteAddress: '' });
    expect(origin.streams.size).toBe(0);
    expect((await registry.stream(key))?.state ?? 'ended').toBe('ended');
  });
});

describe('a publisher that is being decided about', () => {
  it('is refused, and its claim given back, when the node closes meanwhile', async () => {
    const deciding = publish('live/cam1');
    origin.close();
    expect((await deciding).refusedWith?.code).toBe('draining');
    expect(origin.streams.size).toBe(0);
    expect(await registry.streams()).toEqual([]);
  });

  it('counts as one of the publishers that the node may have', async () => {
    const names = ['live/a', 'live/b', 'live/c', 'live/d'];
    const publishers = await Promise.all(names.map((name) => publish(name)));
    expect(publishers.map(({ isAccepted }) => isAccepted)).toEqual([true, true, true, false]);
    expect(publishers[3]?.refusedWith?.code).toBe('limit_reached');
  });

  it('claims nothing when it goes away before the access decision', async () => {
    const first = await publish('live/cam1', 'secret');
    const epoch = origin.streams.get(key)?.epoch;
    const second = new TestPublisher('live/cam1', { token: 'secret' });
    const deciding = origin.publish(second, { sessionId: 'x', protocol: 'rtmp', remoteAddress: '' });
    second.isCancelled = true;
    await deciding;
    expect(first.closedFor).toBeUndefined();
    expect((await registry.stream(key))?.epoch).toBe(epoch);
  });

  it('leaves the stream held at the new epoch when it goes away once it has claimed it', async () => {
    const first = await publish('live/cam1', 'secret');
    const epoch = origin.streams.get(key)?.epoch ?? 0;
    const second = new TestPublisher('live/cam1', { token: 'secret' });
    registry.watch((event) => {
      if (event.type === 'stream_claimed') second.isCancelled = true;
    });
    await origin.publish(second, { sessionId: 'x', protocol: 'rtmp', remoteAddress: '' });
    // Edges take nothing below the claimed epoch any more, so the first must come back.
    expect(first.closedFor).toBe('replaced');
    expect(origin.streams.get(key)).toMatchObject({ state: 'interrupted' });
    expect(origin.streams.get(key)?.epoch).toBeGreaterThan(epoch);
    expect((await registry.stream(key))?.state).toBe('interrupted');
    expect(origin.publishers).toBe(0);
  });
});

describe('a publisher that meets its own last attempt', () => {
  /** A policy that decides when it is told to. */
  async function whileDeciding(run: (decide: () => void) => Promise<void>): Promise<void> {
    let decide = (): void => undefined;
    const asked = access.decide.bind(access);
    access.decide = async (request) => {
      await new Promise<void>((resolve) => (decide = resolve));
      return asked(request);
    };
    try {
      await run(() => {
        access.decide = asked;
        decide();
      });
    } finally {
      access.decide = asked;
    }
  }

  it('is accepted when that has gone away, whatever it still waits for', async () => {
    await whileDeciding(async (decide) => {
      const first = new TestPublisher('live/cam1');
      const deciding = origin.publish(first, { sessionId: 'x', protocol: 'rtmp', remoteAddress: '' });
      await Promise.resolve();
      first.isCancelled = true;
      decide();
      expect((await publish('live/cam1')).isAccepted).toBe(true);
      await deciding;
      expect(first.isAccepted).toBe(false);
    });
  });

  it('is refused once an access policy has said nothing for 6 s', async () => {
    await whileDeciding(async () => {
      const deciding = publish('live/cam1');
      await Promise.resolve();
      clock.advance(6_000);
      expect((await deciding).refusedWith?.code).toBe('internal');
      expect(origin.publishers).toBe(0);
    });
  });
});

describe('a second publisher of a live stream', () => {
  it('without credentials is refused while the first has sent anything in the last 2 s', async () => {
    const first = await publish('live/cam1');
    clock.advance(1_500);
    first.send('audio', 0, audio);
    clock.advance(1_999);
    const second = await publish('live/cam1');
    expect(second.refusedWith?.code).toBe('already_publishing');
    expect(first.closedFor).toBeUndefined();
  });

  it('without credentials replaces one that has been silent for 2 s', async () => {
    const first = await publish('live/cam1');
    const firstEpoch = origin.streams.get(key)?.epoch ?? 0;
    clock.advance(2_000);
    const second = await publish('live/cam1');
    expect(second.isAccepted).toBe(true);
    expect(first.closedFor).toBe('replaced');
    expect(origin.streams.get(key)?.epoch).toBeGreaterThan(firstEpoch);
  });

  it('with the same credential replaces the first at once', async () => {
    const first = await publish('live/cam1', 'secret');
    first.send('audio', 0, audio);
    const second = await publish('live/cam1', 'secret');
    expect(second.isAccepted).toBe(true);
    expect(first.closedFor).toBe('replaced');
  });

  it('takes the place of the first also where the node has as many publishers as it may', async () => {
    for (const name of ['live/cam1', 'live/b', 'live/c']) await publish(name, 'secret');
    expect((await publish('live/cam1', 'secret')).isAccepted).toBe(true);
    expect(origin.publishers).toBe(3);
  });

  it('with another credential never replaces the first, however silent', async () => {
    await publish('live/cam1', 'secret');
    clock.advance(60_000);
    expect((await publish('live/cam1', 'other')).refusedWith?.code).toBe('already_publishing');
    expect((await publish('live/cam1')).refusedWith?.code).toBe('already_publishing');
  });

  it('shares nothing with the first: what the first still sends reaches nobody', async () => {
    const first = await publish('live/cam1', 'secret');
    await publish('live/cam1', 'secret');
    const stream = origin.streams.get(key);
    first.send('audio', 0, audio);
    expect(stream?.stats.framesIn).toBe(0);
  });

  it('that asks while the first is being decided about is refused', async () => {
    const [one, two] = await Promise.all([publish('live/cam1', 'secret'), publish('live/cam1', 'secret')]);
    expect([one.isAccepted, two.isAccepted].sort()).toEqual([false, true]);
  });
});

describe('a publisher that goes', () => {
  it('by saying so ends the stream at once', async () => {
    const publisher = await publish('live/cam1');
    publisher.leave('unpublished');
    expect(origin.streams.size).toBe(0);
    expect((await registry.stream(key))?.state ?? 'ended').toBe('ended');
  });

  it('by losing its connection leaves the stream held, then ended', async () => {
    const publisher = await publish('live/cam1');
    publisher.leave('client_closed');
    expect(origin.streams.get(key)?.state).toBe('interrupted');
    expect((await registry.stream(key))?.state).toBe('interrupted');
    clock.advance(holdMs - 1);
    expect(origin.streams.size).toBe(1);
    clock.advance(1);
    expect(origin.streams.size).toBe(0);
  });

  it('by saying so after it was asked to move leaves the stream held, since it goes on elsewhere', async () => {
    const publisher = await publish('live/cam1');
    expect(origin.sessionOf(key)?.requestReconnect()).toBe(true);
    publisher.leave('unpublished');
    expect(origin.streams.get(key)?.state).toBe('interrupted');
    clock.advance(holdMs);
    expect(origin.streams.has(key)).toBe(false);
  });

  it('may go on elsewhere without a credential from when it was asked to move, as nobody else holds its place', async () => {
    const publisher = await publish('live/cam1');
    expect((await registry.stream(key))?.state).toBe('live');
    origin.sessionOf(key)?.requestReconnect();
    expect((await registry.stream(key))?.state).toBe('interrupted');
    expect(origin.owned().get(key)?.state).toBe('interrupted');
    // It is served all the same.
    publisher.send('audio', 0, audio);
    expect(origin.streams.get(key)).toMatchObject({ state: 'live' });
    expect(origin.streams.get(key)?.stats.framesIn).toBe(1);
    expect((await publish('live/cam1')).isAccepted).toBe(true);
    expect(publisher.closedFor).toBe('replaced');
  });

  it('keeps its place where it has a credential, asked to move or not', async () => {
    await publish('live/cam1', 'secret');
    origin.sessionOf(key)?.requestReconnect();
    expect((await registry.stream(key))?.state).toBe('live');
    expect((await publish('live/cam1')).refusedWith?.code).toBe('already_publishing');
  });

  it('may come back at once while its stream is held, as a new epoch', async () => {
    const publisher = await publish('live/cam1', 'secret');
    const epoch = origin.streams.get(key)?.epoch ?? 0;
    publisher.leave('client_closed');
    expect((await publish('live/cam1', 'secret')).isAccepted).toBe(true);
    expect(origin.streams.get(key)?.epoch).toBeGreaterThan(epoch);
    clock.advance(holdMs * 2);
    expect(origin.streams.get(key)?.state).toBe('live');
  });

  it('because an operator ended it does not keep the stream held', async () => {
    const publisher = await publish('live/cam1');
    expect(origin.kick(key)).toBe(true);
    expect(publisher.closedFor).toBe('kicked');
    expect(origin.streams.size).toBe(0);
    expect(origin.kick(key)).toBe(false);
  });
});

it('how long each epoch brought frames is observed once it has ended, with the reason', async () => {
  const first = await publish('live/cam1', 'secret');
  clock.advance(30_000);
  first.send('audio', 0, audio);
  first.leave('client_closed');
  clock.advance(5_000);
  const second = await publish('live/cam1', 'secret');
  clock.advance(2_000);
  second.send('audio', 0, audio);
  second.leave('unpublished');
  expect(observed.filter(([name]) => name === 'headwater_origin_epoch_seconds')).toEqual([
    ['headwater_origin_epoch_seconds', 30, { reason: 'replaced' }],
    ['headwater_origin_epoch_seconds', 2, { reason: 'unpublished' }],
  ]);
});

it('a node that learns of a newer owner drops the stream and its publisher, and leaves a later claim alone', async () => {
  const publisher = await publish('live/cam1');
  const epoch = origin.streams.get(key)?.epoch ?? 0;
  origin.yieldStreams(new Map([[key, epoch - 1]]));
  expect(publisher.closedFor).toBeUndefined();
  origin.yieldStreams(new Map([[key, epoch]]));
  expect(publisher.closedFor).toBe('replaced');
  expect(origin.streams.size).toBe(0);
});

it('closing ends every publisher once and leaves no timer behind', async () => {
  const publisher = await publish('live/cam1');
  const interrupted = await publish('live/cam2');
  interrupted.leave('client_closed');
  origin.close();
  origin.close();
  await registry.close();
  expect(publisher.closedFor).toBe('shutdown');
  expect(clock.pendingTimers).toBe(0);
});

it('origin streams never leave their end', () => {
  const states: OriginStreamState[] = ['live', 'interrupted', 'ended'];
  const allowed = states.flatMap((from) => originStreamTransitions[from].map((to) => `${from}>${to}`));
  expect(allowed).toEqual(['live>interrupted', 'live>ended', 'interrupted>ended']);
});
