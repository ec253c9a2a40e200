// Pulls and probes that fail, over real loopback sockets, and refusals also within one process: unreachable nodes, peers that
// break the protocol.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Server, ServerCredentials, status, type ServerWritableStream } from '@grpc/grpc-js';
import { AppError, silentLogger, silentMetrics, streamKey } from '@headwater/contracts';
import { ManualClock } from '@headwater/contracts/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Reach } from './generated/relay.ts';
import { encodeEndedItem, encodeOpenedItem, encodeStateItem } from './pull-item.ts';
import type { OpenedInfo, PullRequest } from './pull.ts';
import { relayFormat } from './relay-format.ts';
import { RelayServer } from './relay-server.ts';
import { rawRelayService } from './relay-service.ts';
import {
  CuttableProxy,
  RawPuller,
  realClock,
  RecordingHandler,
  RelayPair,
  ScriptedSource,
  testFrames,
  type RelayPairOptions,
} from './testing/index.ts';

const stream = streamKey('live', 'cam1');
const epoch = 1_700_000_000_000;
const format = relayFormat(epoch);
const live: OpenedInfo = { epoch, firstSequence: 0, resumed: false, state: 'live' };

const cleanups: (() => Promise<void> | void)[] = [];
let pair: RelayPair;

async function startPair(options?: RelayPairOptions): Promise<RelayPair> {
  const started = await RelayPair.start(options);
  cleanups.push(async () => started.stop());
  return started;
}

beforeEach(async () => {
  pair = await startPair();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each([
  { way: 'over a connection', isLocal: false },
  { way: 'within a process', isLocal: true },
])('a refused pull $way', ({ isLocal }) => {
  beforeEach(async () => {
    pair = await startPair({ isLocal });
  });

  it('fails with the same error code, whatever its details hold', async () => {
    const codes = ['stream_not_found', 'epoch_stale', 'role_missing', 'limit_reached', 'internal'] as const;
    for (const code of codes) {
      pair.source.onOpen((call) => {
        call.refuse(new AppError(code, { details: { what: 'é\ud83d \r\n' } }));
      });
      const handler = new RecordingHandler();
      pair.client.pull(pair.address, { stream }, handler);
      expect(await handler.untilOver()).toMatchObject({ code, details: { stream, address: pair.address } });
      expect(handler.events).toHaveLength(1);
    }
  });

  it('is refused when the source throws', async () => {
    pair.source.onOpen(() => {
      throw new Error('broken source');
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, handler);
    expect(await handler.untilOver()).toMatchObject({ code: 'internal' });
  });

  it('is refused when the source does not answer in time', async () => {
    const clock = new ManualClock();
    pair = await startPair({ isLocal, serverClock: clock });
    const handler = new RecordingHandler();
    const next = pair.source.nextCall();
    pair.client.pull(pair.address, { stream }, handler);
    await next;
    clock.advance(3_000);
    expect(await handler.untilOver()).toMatchObject({ code: 'upstream_unavailable' });
  });

  it('fails by the puller, too, when no answer comes in time', async () => {
    const clock = new ManualClock();
    pair = await startPair({ isLocal, clientClock: clock });
    const handler = new RecordingHandler();
    const next = pair.source.nextCall();
    pair.client.pull(pair.address, { stream }, handler);
    const call = await next;
    clock.advance(3_000);
    expect(await handler.untilOver()).toMatchObject({ code: 'upstream_unavailable' });
    await vi.waitUntil(() => call.isClosed);
  });

  it('fails when its owner has a lower epoch than was seen', async () => {
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const handler = new RecordingHandler();
    pair.client.pull(pair.address, { stream, minEpoch: epoch + 1 }, handler);
    expect(await handler.untilOver()).toMatchObject({ code: 'epoch_stale' });
    expect(handler.events).toHaveLength(1);
  });

  it('fails when the peer has too many pulls already, until one of them ends', async () => {
    pair = await startPair({ isLocal, serverLimits: { maxPullsPerPeer: 2 } });
    pair.source.onOpen((call) => {
      call.opened(live);
    });
    const handlers = [new RecordingHandler(), new RecordingHandler(), new RecordingHandler()];
    const pulls = [];
    for (const handler of handlers) {
      pulls.push(pair.client.pull(pair.address, { stream }, handler));
      await handler.until(() => handler.events.length > 0);
    }
    expect(handlers[2]?.result).toMatchObject({ code: 'limit_reached' });
    pulls[0]?.close();
    await vi.waitUntil(() => pair.server.pulls === 1);
    const next = new RecordingHandler();
    pair.client.pull(pair.address, { stream }, next);
    await next.until(() => next.opening !== undefined);
  });
});

describe('an unreachable node', () => {
  it('fails a pull and a probe at once when nothing listens', async () => {
    const address = await unusedAddress();
    const handler = new RecordingHandler();
    pair.client.pull(address, { stream }, handler);
    expect(await handler.untilOver()).toMatchObject({ code: 'upstream_unavailable', details: { address } });
    await expect(pair.client.probe(address, 5_000)).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(pair.client.connections).toBe(0);
  });

  it('is found again as soon as it listens', async () => {
    const address = await unusedAddress();
    const first = new RecordingHandler();
    pair.client.pull(address, { stream }, first);
    await first.untilOver();
    await pair.server.stop(1_000);
    const second = await startPair();
    const proxy = await CuttableProxy.start(second.address, Number(address.split(':')[1]));
    cleanups.push(async () => proxy.stop());
    const { nodeId } = await pair.client.probe(address, 5_000);
    expect(nodeId).toBe('origin-1');
  });

  it('fails a probe at its deadline when it accepts and says nothing', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const sockets = new Set<Socket>();
    mute.on('connection', (socket) => sockets.add(socket));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    const clock = new ManualClock();
    pair = await startPair({ clientClock: clock });
    const failed = expect(
      pair.client.probe(`127.0.0.1:${(mute.address() as AddressInfo).port}`, 1_000),
    ).rejects.toMatchObject({
      code: 'upstream_unavailable',
      details: { timeoutMs: 1_000 },
    });
    clock.advance(1_000);
    await failed;
  });

  it('cannot start on an address that is taken', async () => {
    const [host = '', port] = pair.address.split(':');
    const second = new RelayServer({
      source: new ScriptedSource(),
      probe: () => ({ nodeId: 'second', incarnation: 'run-1', isDraining: false }),
      clock: realClock,
      logger: silentLogger,
      metrics: silentMetrics,
    });
    await expect(second.start(host, Number(port))).rejects.toMatchObject({ code: 'address_unusable' });
    await second.stop(0);
  });
});

describe('a probe', () => {
  it('says who answers, over the connection of the pulls', async () => {
    expect(await pair.client.probe(pair.address, 5_000)).toEqual({
      nodeId: 'origin-1',
      incarnation: 'run-1',
      isDraining: false,
    });
    expect(pair.client.connections).toBe(1);
  });
});

describe('bytes that are not HTTP/2', () => {
  it('on the port disturb nobody', async () => {
    const handler = new RecordingHandler();
    const next = pair.source.nextCall();
    pair.client.pull(pair.address, { stream }, handler);
    const call = await next;
    call.opened(live);
    for (const bytes of [randomBytes(10_000), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(1)]) {
      await sendRaw(pair.address, bytes);
    }
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await sendRaw(pair.address, Buffer.concat([preface, randomBytes(5_000)]));
    call.sink.write(format.encode(testFrames(0, 5)));
    call.ended('unpublished');
    expect(await handler.untilOver()).toBe('unpublished');
    expect(handler.received).toHaveLength(5);
  });
});

describe('a request that is not valid', () => {
  it.each([
    ['no stream', { stream: '' }],
    ['a stream with a path', { stream: 'live/../x' }],
    [
      'a stream with half a surrogate pair at the cut of the message',
      { stream: `live/${'x'.repeat(63)}\u{1f600}` },
    ],
    ['no node', { nodeId: '' }],
    ['a node with a line break', { nodeId: 'a\nb' }],
    ['an epoch without a sequence number', { resumeEpoch: 1 }],
    ['a sequence number without an epoch', { resumeSequence: 1 }],
    ['a reach that is not known', { reach: 4 as Reach }],
  ])('is refused: %s', async (_title, request) => {
    const puller = new RawPuller(pair.address, request);
    cleanups.push(() => {
      puller.close();
    });
    puller.resume();
    await vi.waitUntil(() => puller.error !== undefined);
    expect(puller.error?.code).toBe(status.INVALID_ARGUMENT);
    expect(pair.source.calls).toEqual([]);
  });

  it('is refused when it is too big', async () => {
    const puller = new RawPuller(pair.address, { nodeId: 'x'.repeat(20_000) });
    cleanups.push(() => {
      puller.close();
    });
    puller.resume();
    await vi.waitUntil(() => puller.error !== undefined);
    expect(puller.error?.code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe('an owner that breaks the protocol', () => {
  it.each([
    ['bytes that are no item', [Buffer.from('ffffff', 'hex')], 'protocol_violation'],
    ['frames before the opening', [format.encode(testFrames(0, 1))], 'protocol_violation'],
    ['two openings', [encodeOpenedItem(live), encodeOpenedItem(live)], 'protocol_violation'],
    [
      'frames of another epoch',
      [encodeOpenedItem(live), relayFormat(epoch - 1).encode(testFrames(0, 1))],
      'protocol_violation',
    ],
    ['an end without a reason', [encodeOpenedItem(live)], 'upstream_unavailable'],
    ['nothing at all', [], 'upstream_unavailable'],
  ])('fails the pull: %s', async (_title, items, code) => {
    const address = await startRawServer(items);
    const handler = new RecordingHandler();
    pair.client.pull(address, { stream }, handler);
    expect(await handler.untilOver()).toMatchObject({ code });
  });
});

describe('an owner that goes on after the end', () => {
  it('is not heard', async () => {
    const more = [format.encode(testFrames(0, 1)), encodeStateItem('live'), encodeEndedItem('kicked')];
    const address = await startRawServer([encodeOpenedItem(live), encodeEndedItem('unpublished'), ...more]);
    const handler = new RecordingHandler();
    pair.client.pull(address, { stream }, handler);
    await handler.untilOver();
    // A later pull over the same connection: what followed the end has come by then.
    const later = new RecordingHandler();
    pair.client.pull(address, { stream }, later);
    await later.untilOver();
    expect(handler.events.map((event) => event.type)).toEqual(['opened', 'ended']);
    expect(handler.result).toBe('unpublished');
  });
});

async function startRawServer(items: readonly Buffer[]): Promise<string> {
  const server = new Server();
  server.addService(rawRelayService, {
    pull: (call: ServerWritableStream<PullRequest, Buffer>) => {
      for (const item of items) call.write(item);
      call.end();
    },
    probe: () => undefined,
  });
  cleanups.push(() => {
    server.forceShutdown();
  });
  return await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(`127.0.0.1:${port}`);
      else reject(error);
    });
  });
}

async function unusedAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

async function sendRaw(address: string, bytes: Buffer): Promise<void> {
  const [host = '', port] = address.split(':');
  const socket = connect(Number(port), host);
  cleanups.push(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.write(bytes, () => {
      resolve();
    });
  });
}
