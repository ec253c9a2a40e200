// A publisher on its way through an edge: which origin gets it, over real sockets.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { AppError, type ErrorCode, silentLogger, silentMetrics } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import type { NodeRecord } from '@headwater/cluster';
import { testNode } from '@headwater/cluster/testing';
import { type PublishReceiver, type PublishRequest, RtmpServerSession } from '@headwater/rtmp';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PublishForwarder } from './publish-forward.ts';

let clock: ManualClock;
let nodes: NodeRecord[];
let servers: Server[];
let sockets: Socket[];

beforeEach(() => {
  clock = new ManualClock();
  nodes = [];
  servers = [];
  sockets = [];
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** Adds an origin that does with connections what `serve` does. */
async function addOrigin(nodeId: string, serve: (socket: Socket) => void): Promise<void> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    serve(socket);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  nodes.push(testNode(nodeId, { addresses: { rtmp: `127.0.0.1:${String(port)}` } }));
}

/** Speaks RTMP, and hands publishes over. */
const speaking =
  (publish: (request: PublishRequest) => void) =>
  (socket: Socket): void => {
    const session = new RtmpServerSession({
      clock,
      logger: silentLogger,
      output: (bytes) => socket.write(bytes),
      pendingBytes: () => 0,
      delegate: {
        connect: () => undefined,
        publish,
        play: () => undefined,
        closed: () => socket.end(),
      },
    });
    socket.on('data', (bytes) => {
      session.read(bytes);
    });
    socket.on('close', () => {
      session.transportClosed();
    });
  };

const accepting = speaking((request) => {
  request.accept({ media: () => undefined, ended: () => undefined });
});

/** A publisher of live/cam1, and what became of it. */
class WaitingPublisher implements PublishRequest {
  readonly client = { app: 'live', tcUrl: '', flashVer: '', capsEx: 0, fourCcList: [] };
  readonly app = 'live';
  readonly name = 'cam1';
  readonly params = new Map<string, string>();
  readonly isCancelled = false;
  receiver: PublishReceiver | undefined;
  refusedWith: AppError | undefined;
  closedFor: string | undefined;

  accept(receiver: PublishReceiver): ReturnType<PublishRequest['accept']> {
    this.receiver = receiver;
    return { close: (reason) => (this.closedFor = reason), requestReconnect: () => true };
  }

  refuse(error: AppError): void {
    this.refusedWith = error;
  }
}

function forward(publisher: WaitingPublisher, dial?: () => Socket): PublishForwarder {
  const forwarder = new PublishForwarder({
    discovery: { nodes: () => nodes },
    clock,
    logger: silentLogger,
    metrics: silentMetrics,
    startMs: 60_000,
    maxPendingBytes: 1024 * 1024,
    ...(dial === undefined ? {} : { dial }),
  });
  void forwarder.forward(publisher, { sessionId: 'session-1', remoteAddress: '192.0.2.1' });
  return forwarder;
}

/** Forwards a publisher to an origin that accepts it; `heard` is why the origin says that it ended. */
async function forwarded(): Promise<{
  publisher: WaitingPublisher;
  forwarder: PublishForwarder;
  heard: string[];
}> {
  const heard: string[] = [];
  const accept = (request: PublishRequest): void => {
    request.accept({ media: () => undefined, ended: (reason) => heard.push(reason) });
  };
  await addOrigin('origin-1', speaking(accept));
  const publisher = new WaitingPublisher();
  const forwarder = forward(publisher);
  await vi.waitFor(() => {
    expect(publisher.receiver).toBeDefined();
  });
  return { publisher, forwarder, heard };
}

it('an origin that stands still is passed over, long before a claim would have been waited for', async () => {
  await addOrigin('origin-1', () => undefined);
  await addOrigin('origin-2', accepting);
  const publisher = new WaitingPublisher();
  forward(publisher);
  await vi.waitFor(() => {
    expect(sockets).toHaveLength(1);
  });
  clock.advance(1_500);
  await vi.waitFor(() => {
    expect(publisher.receiver).toBeDefined();
  });
  expect(sockets).toHaveLength(2);
});

it('where an origin stands still, those behind the same port are asked last', async () => {
  await addOrigin('origin-1', () => undefined);
  nodes.push(testNode('origin-2', { addresses: nodes[0]?.addresses ?? {} }));
  await addOrigin('origin-3', accepting);
  const publisher = new WaitingPublisher();
  forward(publisher);
  await vi.waitFor(() => {
    expect(sockets).toHaveLength(1);
  });
  clock.advance(1_500);
  await vi.waitFor(() => {
    expect(publisher.receiver).toBeDefined();
  });
  expect(sockets).toHaveLength(2);
});

it('an origin that takes its time with the claim is waited for', async () => {
  const asked: PublishRequest[] = [];
  await addOrigin(
    'origin-1',
    speaking((request) => asked.push(request)),
  );
  await addOrigin('origin-2', accepting);
  const publisher = new WaitingPublisher();
  forward(publisher);
  await vi.waitFor(() => {
    expect(asked).toHaveLength(1);
  });
  clock.advance(9_000);
  asked[0]?.accept({ media: () => undefined, ended: () => undefined });
  await vi.waitFor(() => {
    expect(publisher.receiver).toBeDefined();
  });
  expect(sockets).toHaveLength(1);
});

/** Forwards a publisher to an origin that accepts, and then does not listen any more; `way` is the edge's connection. */
async function forwardedToSleeper(): Promise<{ publisher: WaitingPublisher; way: Socket }> {
  await addOrigin('origin-1', accepting);
  const publisher = new WaitingPublisher();
  const way = connect((servers[0]?.address() as AddressInfo).port, '127.0.0.1');
  forward(publisher, () => way);
  await vi.waitFor(() => {
    expect(publisher.receiver).toBeDefined();
  });
  sockets[0]?.pause();
  return { publisher, way };
}

it('an origin that stands still is left after some seconds, so that its publisher can come back to another', async () => {
  const { publisher } = await forwardedToSleeper();
  clock.advance(4_000);
  expect(publisher.closedFor).toBeUndefined();
  clock.advance(1_000);
  await vi.waitFor(() => {
    expect(publisher.closedFor).toBe('client_closed');
  });
});

it('an origin that only listens answers when it is asked', async () => {
  const { publisher } = await forwarded();
  const [connection] = sockets;
  if (connection === undefined) throw new Error('nobody was asked');
  const answers = vi.spyOn(connection, 'write');
  for (let seconds = 0; seconds < 10; seconds++) {
    clock.advance(1_000);
    await vi.waitFor(() => {
      expect(answers.mock.calls.length).toBeGreaterThan(seconds);
    });
  }
  expect(publisher.closedFor).toBeUndefined();
});

it('an origin that stands still when the publisher ends is cut off after its last words', async () => {
  const { publisher, way } = await forwardedToSleeper();
  publisher.receiver?.ended('unpublished');
  await once(way, 'finish');
  expect(way.destroyed).toBe(false);
  clock.advance(5_000);
  expect(way.destroyed).toBe(true);
});

it('a publisher whom no origin takes is refused', async () => {
  const publisher = new WaitingPublisher();
  forward(publisher);
  await vi.waitFor(() => {
    expect(publisher.refusedWith?.code).toBe('upstream_unavailable');
  });
});

it('an explicit end reaches the origin as one', async () => {
  const { publisher, forwarder, heard } = await forwarded();
  publisher.receiver?.ended('unpublished');
  await vi.waitFor(() => {
    expect(heard).toEqual(['unpublished']);
  });
  expect([...forwarder.sessions]).toEqual([]);
  // Nor is an origin asked any more that nobody is forwarded to.
  await vi.waitFor(() => {
    expect(clock.pendingTimers).toBe(0);
  });
});

it('the goodbye of a publisher that was asked to move does not end its stream at the origin', async () => {
  const { publisher, forwarder, heard } = await forwarded();
  for (const session of forwarder.sessions) expect(session.requestReconnect()).toBe(true);
  publisher.receiver?.ended('unpublished');
  await vi.waitFor(() => {
    expect(heard).toEqual(['publisher_lost']);
  });
  expect([...forwarder.sessions]).toEqual([]);
});

it('an origin hears that a publisher was asked to move, and may let it in through another node', async () => {
  let letGo = 0;
  const accept = (request: PublishRequest): void => {
    request.accept({ media: () => undefined, ended: () => undefined, letGo: () => letGo++ });
  };
  await addOrigin('origin-1', speaking(accept));
  const publisher = new WaitingPublisher();
  const forwarder = forward(publisher);
  await vi.waitFor(() => {
    expect(forwarder.sessions.size).toBe(1);
  });
  for (const session of forwarder.sessions) session.requestReconnect();
  await vi.waitFor(() => {
    expect(letGo).toBe(1);
  });
  expect(publisher.closedFor).toBeUndefined();
});

it('a draining node forwards nobody new, and can send those away whom it forwards', async () => {
  const { publisher, forwarder } = await forwarded();
  forwarder.drain();
  const late = new WaitingPublisher();
  await forwarder.forward(late, { sessionId: 'session-2', remoteAddress: '192.0.2.1' });
  expect(late.refusedWith?.code).toBe('draining');
  for (const session of forwarder.sessions) session.close('shutdown');
  expect(publisher.closedFor).toBe('shutdown');
});

/** An origin that says no, and why. */
const refusing = (code: ErrorCode, details: Record<string, string> = {}): ((socket: Socket) => void) =>
  speaking((request) => {
    request.refuse(new AppError(code, { details }));
  });

/** What the publisher of one attempt is told, and how many origins were asked for that. */
async function outcomeOf(): Promise<{ code: string; asked: number }> {
  const publisher = new WaitingPublisher();
  forward(publisher);
  await vi.waitFor(() => {
    expect(publisher.receiver ?? publisher.refusedWith).toBeDefined();
  });
  return { code: publisher.refusedWith?.code ?? 'accepted', asked: sockets.length };
}

it.each(['draining', 'limit_reached', 'registry_unavailable', 'internal'] as const)(
  'an origin that says %s is passed over',
  async (code) => {
    await addOrigin('origin-1', refusing(code));
    await addOrigin('origin-2', accepting);
    expect(await outcomeOf()).toEqual({ code: 'accepted', asked: 2 });
  },
);

it('all origins are asked, and what the last one said is passed on, not that others cannot be reached', async () => {
  for (const nodeId of ['origin-1', 'origin-2', 'origin-3', 'origin-4']) {
    await addOrigin(nodeId, refusing(nodeId === 'origin-4' ? 'limit_reached' : 'draining'));
  }
  await addOrigin('origin-5', (socket) => socket.destroy());
  expect(await outcomeOf()).toEqual({ code: 'limit_reached', asked: 5 });
});

it.each(['publish_denied', 'stream_name_invalid', 'app_unknown'] as const)(
  'an origin that says %s has the last word',
  async (code) => {
    await addOrigin('origin-1', refusing(code));
    await addOrigin('origin-2', accepting);
    expect(await outcomeOf()).toEqual({ code, asked: 1 });
  },
);

it('the owner that is in the way is asked next: it alone knows that its publisher is gone', async () => {
  await addOrigin('origin-1', refusing('already_publishing', { owner: 'origin-3' }));
  await addOrigin('origin-2', refusing('publish_denied'));
  await addOrigin('origin-3', accepting);
  expect(await outcomeOf()).toEqual({ code: 'accepted', asked: 2 });
});

it('the owner that refuses has the last word', async () => {
  await addOrigin('origin-1', refusing('already_publishing', { owner: 'origin-3' }));
  await addOrigin('origin-2', accepting);
  await addOrigin('origin-3', refusing('already_publishing'));
  expect(await outcomeOf()).toEqual({ code: 'already_publishing', asked: 2 });
});

it('an owner that is dead leaves the others to be asked', async () => {
  await addOrigin('origin-1', refusing('already_publishing', { owner: 'origin-3' }));
  await addOrigin('origin-2', accepting);
  await addOrigin('origin-3', (socket) => socket.destroy());
  expect(await outcomeOf()).toEqual({ code: 'accepted', asked: 3 });
});

it('origins that keep the publisher waiting do so for twice the time of one, all together', async () => {
  const asked: PublishRequest[] = [];
  for (const nodeId of ['origin-1', 'origin-2', 'origin-3']) {
    await addOrigin(
      nodeId,
      speaking((request) => asked.push(request)),
    );
  }
  const publisher = new WaitingPublisher();
  forward(publisher);
  for (const count of [1, 2]) {
    await vi.waitFor(() => {
      expect(asked).toHaveLength(count);
    });
    clock.advance(60_000);
  }
  await vi.waitFor(() => {
    expect(publisher.refusedWith?.code).toBe('upstream_unavailable');
  });
  expect(asked).toHaveLength(2);
});

it.each(['replaced', 'kicked', 'limit', 'shutdown'] as const)(
  'a publisher that its origin ends as %s hears the same from the edge',
  async (reason) => {
    let end: (() => void) | undefined;
    await addOrigin(
      'origin-1',
      speaking((request) => {
        const control = request.accept({ media: () => undefined, ended: () => undefined });
        end = () => {
          control.close(reason);
        };
      }),
    );
    const publisher = new WaitingPublisher();
    forward(publisher);
    await vi.waitFor(() => {
      expect(publisher.receiver).toBeDefined();
    });
    end?.();
    await vi.waitFor(() => {
      expect(publisher.closedFor).toBe(reason);
    });
  },
);
